package press

import (
	"slices"
	"strings"
	"unicode"
)

// commonWords are frequent words of running text and of invoices, by
// tesseract's name of the language. Accents are left out on purpose: the first
// pass reads with the English letters.
var commonWords = map[string][]string{
	"eng": {"the", "and", "of", "to", "for", "with", "your", "invoice", "date", "total", "tax", "amount", "thank", "you", "please", "cash", "change", "due", "number", "receipt", "payment", "street", "qty", "price"},
	"deu": {"und", "der", "die", "das", "fur", "mit", "von", "bei", "ihre", "wir", "zu", "rechnung", "datum", "betrag", "summe", "mwst", "ust", "gesamt", "gesamtbetrag", "nr", "netto", "brutto", "strasse", "menge", "zahlbar", "kunde"},
	"fra": {"de", "la", "le", "les", "des", "et", "du", "pour", "une", "par", "facture", "montant", "tva", "ttc", "ht", "rue", "client", "quantite", "prix", "numero", "reglement", "designation", "siret"},
	"spa": {"de", "la", "el", "los", "del", "y", "por", "para", "una", "factura", "fecha", "iva", "importe", "cliente", "calle", "numero", "cantidad", "precio", "nif", "cif", "pago"},
	"ita": {"di", "il", "la", "del", "della", "e", "per", "con", "fattura", "data", "iva", "importo", "totale", "via", "cliente", "quantita", "prezzo", "partita", "imponibile", "pagamento", "scontrino"},
	"nld": {"de", "het", "een", "van", "en", "voor", "met", "op", "uw", "factuur", "factuurnummer", "datum", "btw", "bedrag", "totaal", "straat", "aantal", "prijs", "klant", "betaling"},
	"por": {"de", "do", "da", "os", "e", "para", "com", "uma", "fatura", "data", "iva", "valor", "cliente", "rua", "quantidade", "preco", "nif", "contribuinte", "pagamento", "recibo"},
	"pol": {"i", "w", "z", "na", "do", "od", "dla", "faktura", "data", "vat", "kwota", "razem", "sprzedawca", "nabywca", "ilosc", "cena", "netto", "brutto", "nip", "ul", "zaplaty", "wartosc"},
}

// guessLanguages returns tesseract's language argument for a text: the allowed
// language whose common words it has most of, with English beside it for the
// words that are English everywhere.
func guessLanguages(text string, allowed []string) string {
	const fewest = 3
	counts := map[string]int{}
	for _, word := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) }) {
		for _, language := range allowed {
			if slices.Contains(commonWords[language], word) {
				counts[language]++
			}
		}
	}
	best := "eng"
	for _, language := range allowed {
		if language != best && counts[language] >= fewest && counts[language] > counts[best] {
			best = language
		}
	}
	if best == "eng" {
		return "eng"
	}
	return best + "+eng"
}
