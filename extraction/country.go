package extraction

import (
	"regexp"
	"strings"
)

// currencyOf is the currency of a country.
var currencyOf = map[string]string{
	"AT": "EUR", "BE": "EUR", "DE": "EUR", "ES": "EUR", "FI": "EUR", "FR": "EUR", "GR": "EUR", "IE": "EUR", "IT": "EUR", "LU": "EUR", "NL": "EUR", "PT": "EUR", "SK": "EUR", "SI": "EUR", "EE": "EUR", "LV": "EUR", "LT": "EUR", "HR": "EUR", "MT": "EUR", "CY": "EUR",
	"GB": "GBP", "US": "USD", "CA": "CAD", "AU": "AUD", "NZ": "NZD", "CH": "CHF", "SE": "SEK", "NO": "NOK", "DK": "DKK", "PL": "PLN", "CZ": "CZK", "HU": "HUF", "RO": "RON", "BG": "BGN", "IN": "INR", "MY": "MYR", "SG": "SGD", "HK": "HKD", "JP": "JPY", "CN": "CNY",
	"BR": "BRL", "MX": "MXN", "ZA": "ZAR", "TR": "TRY", "IL": "ILS", "AE": "AED", "TH": "THB", "ID": "IDR", "PH": "PHP", "KR": "KRW", "TW": "TWD",
}

// countryHints are printed forms that tell a country, with their weight.
var countryHints = []struct {
	country string
	weight  int
	pattern *regexp.Regexp
}{
	{"DE", 3, regexp.MustCompile(`\bDE ?\d{9}\b|\bDE\d{20}\b|USt-?Id|\bHRB\b|\+49|Deutschland|\bGermany\b`)},
	{"AT", 3, regexp.MustCompile(`\bATU\d{8}\b|\bAT\d{18}\b|\+43|Österreich|\bAustria\b`)},
	{"CH", 3, regexp.MustCompile(`\bCHE-?\d{3}|\bCH\d{2}[ \d]{15,24}|\+41|\bSchweiz\b|\bSuisse\b|\bSwitzerland\b`)},
	{"FR", 3, regexp.MustCompile(`\bFR ?[A-Z0-9]{2} ?\d{9}\b|\bFR\d{2}[ \d]{20,}|SIRET|SIREN|\bRCS\b|\+33|\bFrance\b`)},
	{"ES", 3, regexp.MustCompile(`\bES ?[A-Z]\d{7}[A-Z0-9]\b|\bES\d{2}[ \d]{20,}|\bN\.?I\.?F\.?\b|\bC\.?I\.?F\.?\b|\+34|España|\bSpain\b`)},
	{"IT", 3, regexp.MustCompile(`\bIT ?\d{11}\b|\bIT\d{2}[A-Z]|P\. ?IVA|Partita IVA|Codice Fiscale|\+39|\bItalia\b|\bItaly\b`)},
	{"NL", 3, regexp.MustCompile(`\bNL ?\d{9}B\d{2}\b|\bNL\d{2} ?[A-Z]{4}|\bKvK\b|\bBTW\b|\+31|Nederland|Netherlands`)},
	{"BE", 3, regexp.MustCompile(`\bBE ?0?\d{9,10}\b|\bBE\d{2}[ \d]{12,}|\+32|België|Belgique|\bBelgium\b`)},
	{"PT", 3, regexp.MustCompile(`\bPT ?\d{9}\b|\bPT50|Contribuinte|ATCUD|\+351|\bPortugal\b`)},
	{"PL", 3, regexp.MustCompile(`\bPL ?\d{10}\b|\bNIP\b|\bREGON\b|\+48|\bPolska\b|\bPoland\b|\bzł\b`)},
	{"CZ", 3, regexp.MustCompile(`\bCZ\d{8,10}\b|\bIČO?\b|\bDIČ\b|\+420|Česká|\bKč\b`)},
	{"SE", 3, regexp.MustCompile(`\bSE ?\d{12}\b|Bankgiro|Plusgiro|F-skatt|\bMoms\b.*\bSEK\b|\+46|\bSverige\b|\bSweden\b|\bOCR\b.*\bBankgiro\b`)},
	{"DK", 3, regexp.MustCompile(`\bDK ?\d{8}\b|\bCVR\b|\+45|\bDanmark\b|\bDenmark\b`)},
	{"NO", 3, regexp.MustCompile(`\bNO ?\d{9} ?MVA\b|\bMVA\b|Foretaksregisteret|\+47|\bNorge\b|\bNorway\b`)},
	{"FI", 3, regexp.MustCompile(`\bFI ?\d{8}\b|Y-tunnus|\bALV\b|\+358|\bSuomi\b|\bFinland\b`)},
	{"IE", 3, regexp.MustCompile(`\bIE ?\d[A-Z0-9]\d{5}[A-Z]{1,2}\b|\+353|\bIreland\b`)},
	{"GB", 3, regexp.MustCompile(`\bGB ?\d{3} ?\d{4} ?\d{2}\b|\+44|United Kingdom|\bEngland\b|\b[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}\b|\bSort [Cc]ode\b|\bU\.?K\.?\b`)},
	{"US", 2, regexp.MustCompile(`\b(?:AL|AK|AZ|AR|CA|CO|CT|DE|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|NC|ND|OH|OK|OR|PA|RI|SC|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY),? \d{5}(?:-\d{4})?\b|\bEIN\b|\bUSA\b|United States|Sales Tax|\bU\.S\.A`)},
	{"CA", 3, regexp.MustCompile(`\b[A-Z]\d[A-Z] \d[A-Z]\d\b|\bHST\b|\bQST\b|\bPST\b|\bCanada\b|\b(?:ON|QC|BC|AB|MB|SK|NS),? [A-Z]\d[A-Z]`)},
	{"AU", 3, regexp.MustCompile(`\bABN\b|\bACN\b|\bBSB\b|\+61|\bAustralia\b|\b(?:NSW|VIC|QLD|TAS|ACT) \d{4}\b|\bPty\b`)},
	{"NZ", 3, regexp.MustCompile(`\bNZBN\b|\+64|New Zealand|\bIRD\b`)},
	{"SG", 3, regexp.MustCompile(`\bUEN\b|\bPte\.? Ltd|\+65|\bSingapore \d{6}\b`)},
	{"MY", 3, regexp.MustCompile(`(?i)\bSDN\.? ?BHD\b|\bJALAN\b|\bJLN\b|\bSELANGOR\b|\bJOHOR\b|KUALA LUMPUR|\bMALAYSIA\b|\+60|\bTAMAN\b`)},
	{"IN", 3, regexp.MustCompile(`\bGSTIN\b|\b\d{2}[A-Z]{5}\d{4}[A-Z]\dZ[A-Z\d]\b|\bCGST\b|\bIFSC\b|\+91|\bIndia\b|\bRs\.?\b`)},
	{"HK", 3, regexp.MustCompile(`Hong Kong|\+852`)}, {"JP", 3, regexp.MustCompile(`\bJapan\b|\bTokyo\b|\+81`)}, {"CN", 3, regexp.MustCompile(`\bChina\b|\+86`)},
	{"BR", 3, regexp.MustCompile(`\bCNPJ\b|\bBrasil\b|\bBrazil\b|\+55`)}, {"MX", 3, regexp.MustCompile(`\bRFC\b|\bMéxico\b|\bMexico\b|\+52`)}, {"ZA", 3, regexp.MustCompile(`South Africa|\+27`)},
	{"HU", 3, regexp.MustCompile(`Adószám|\bHU\d{8}\b|Magyarország|\+36`)}, {"RO", 3, regexp.MustCompile(`\bRO ?\d{6,10}\b|România|\bRomania\b|\+40`)}, {"TR", 3, regexp.MustCompile(`Türkiye|\bTurkey\b|\bVKN\b|\+90`)},
	{"AE", 3, regexp.MustCompile(`\bDubai\b|\bUAE\b|\+971`)}, {"IL", 3, regexp.MustCompile(`\bIsrael\b|\+972`)}, {"TH", 3, regexp.MustCompile(`\bThailand\b|\+66`)}, {"LU", 3, regexp.MustCompile(`\bLU ?\d{8}\b|Luxembourg|\+352`)},
}

// topLevel maps the ends of web and mail addresses to countries.
var topLevel = regexp.MustCompile(`(?i)(?:www\.|@|https?://)[a-z0-9.-]+\.([a-z]{2})\b`)

// countryOf tells the country of a document from its vendor's side as well as
// from the buyer's: for money and dates they mostly agree. "" is unknown.
func countryOf(text string) string {
	scores := map[string]int{}
	for _, hint := range countryHints {
		if count := len(hint.pattern.FindAllStringIndex(text, 4)); count > 0 {
			scores[hint.country] += hint.weight + count - 1
		}
	}
	for _, match := range topLevel.FindAllStringSubmatch(text, 20) {
		country := strings.ToUpper(match[1])
		if country == "UK" {
			country = "GB"
		}
		if currencyOf[country] != "" {
			scores[country] += 2
		}
	}
	best := ""
	for country, score := range scores {
		if score > scores[best] || score == scores[best] && country < best {
			best = country
		}
	}
	return best
}
