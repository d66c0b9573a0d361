package extraction

import (
	"regexp"
	"slices"
	"strings"
)

// The printed numbers that name one company in the world. Each is checked by
// its check digits, so that a telephone is none.
var (
	ibanPrinted  = regexp.MustCompile(`\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{2,4}){3,8}\b`)
	vatPrinted   = regexp.MustCompile(`\b(?:DE ?\d{3} ?\d{3} ?\d{3}|FR ?\d{2} ?\d{3} ?\d{3} ?\d{3}|IT ?\d{11}|BE ?[01]\d{3}\.?\d{3}\.?\d{3}|NL ?\d{9} ?B ?\d{2}|ATU ?\d{8}|DK ?\d{8}|FI ?\d{8}|PL ?\d{10}|PT ?\d{9}|ES ?[A-Z]\d{7}[A-Z0-9]|GB ?\d{3} ?\d{4} ?\d{2})\b`)
	siretPrinted = regexp.MustCompile(`\b\d{3} ?\d{3} ?\d{3} ?\d{5}\b`)
	abnPrinted   = regexp.MustCompile(`\b\d{2} \d{3} \d{3} \d{3}\b`)
	gstinPrinted = regexp.MustCompile(`\b\d{2}[A-Z]{5}\d{4}[A-Z][A-Z0-9]Z[A-Z0-9]\b`)
)

const maxIdentifiers = 24

// accountsIn finds the bank accounts in a text, as IBANs.
func accountsIn(text string) []string {
	var accounts []string
	for _, printed := range ibanPrinted.FindAllString(text, maxIdentifiers) {
		iban := strings.ReplaceAll(printed, " ", "")
		for len(iban) > 15 && !validIBAN(iban) { // the pattern may have taken a word behind it
			iban = iban[:len(iban)-1]
		}
		if validIBAN(iban) && !slices.Contains(accounts, iban) {
			accounts = append(accounts, iban)
		}
	}
	return accounts
}

// identifiersIn finds tax and company numbers whose check digits are right.
func identifiersIn(text string) []string {
	var found []string
	add := func(pattern *regexp.Regexp, valid func(string) bool) {
		for _, printed := range pattern.FindAllString(text, maxIdentifiers) {
			plain := strings.NewReplacer(" ", "", ".", "").Replace(printed)
			if valid(plain) && !slices.Contains(found, plain) {
				found = append(found, plain)
			}
		}
	}
	add(vatPrinted, validVAT)
	add(siretPrinted, luhn)
	add(abnPrinted, validABN)
	add(gstinPrinted, validGSTIN)
	return found
}

// validVAT checks the numbers of the countries whose rule is simple, and takes
// the shape of the others.
func validVAT(number string) bool {
	digits := number[2:]
	switch number[:2] {
	case "DE":
		return mod11by10(digits)
	case "IT":
		return luhn(digits)
	case "FR":
		return luhn(digits[2:])
	case "BE":
		return (remainder(digits[:8], 97)+remainder(digits[8:], 97))%97 == 0
	case "DK":
		return weighted(digits, 2, 7, 6, 5, 4, 3, 2, 1)%11 == 0
	case "FI":
		return weighted(digits, 7, 9, 10, 5, 8, 4, 2, 1)%11 == 0
	case "PL":
		return weighted(digits, 6, 5, 7, 2, 3, 4, 5, 6, 7, -1)%11 == 0
	}
	return true
}

// luhn is the check of ISO/IEC 7812: SIREN, SIRET, Partita IVA.
func luhn(digits string) bool {
	sum := 0
	for i := range len(digits) {
		n := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return sum%10 == 0
}

// mod11by10 is the check of ISO/IEC 7064 MOD 11,10: the German USt-IdNr.
func mod11by10(digits string) bool {
	product := 10
	for i := range len(digits) - 1 {
		sum := (int(digits[i]-'0') + product) % 10
		if sum == 0 {
			sum = 10
		}
		product = 2 * sum % 11
	}
	return (11-product)%10 == int(digits[len(digits)-1]-'0')
}

// weighted sums the digits by their weights.
func weighted(digits string, weights ...int) int {
	sum := 0
	for i, weight := range weights {
		sum += weight * int(digits[i]-'0')
	}
	return sum
}

func remainder(digits string, modulus int) int {
	rest := 0
	for _, r := range digits {
		rest = (10*rest + int(r-'0')) % modulus
	}
	return rest
}

// validABN checks an Australian Business Number.
func validABN(number string) bool {
	return (weighted(number, 10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)-10)%89 == 0
}

// validGSTIN checks an Indian Goods and Services Tax identification number.
func validGSTIN(number string) bool {
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	sum := 0
	for i := range 14 {
		product := strings.IndexByte(alphabet, number[i]) * (1 + i%2)
		sum += product/36 + product%36
	}
	return alphabet[(36-sum%36)%36] == number[14]
}
