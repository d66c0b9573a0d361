package extraction

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Category is what a workspace files documents under: a name, and the words
// that speak for it. Words are compared without case and accents; several words
// are a phrase; a word that ends with * stands for all its beginnings ("hosting*").
type Category struct {
	Name    string
	Vendors []string // words of vendors' names: strong evidence
	Words   []string // words of the text
}

// OtherCategory is the name of what fits nowhere.
const OtherCategory = "Other"

// DefaultCategories is the set a workspace begins with.
func DefaultCategories() []Category {
	return []Category{
		{
			Name: "SaaS",
			Vendors: []string{"software*", "cloud*", "hosting*", "saas", "app", "apps", "github", "gitlab", "atlassian", "slack", "zoom", "notion", "figma", "adobe", "dropbox", "google cloud", "google workspace",
				"microsoft", "amazon web services", "aws", "digitalocean", "hetzner", "ovh", "ionos", "cloudflare", "heroku", "vercel", "netlify", "stripe", "twilio", "sendgrid", "mailchimp", "hubspot", "salesforce",
				"shopify", "zendesk", "intercom", "openai", "anthropic", "jetbrains", "canva", "asana", "trello", "monday com", "airtable", "zapier", "docusign", "godaddy", "namecheap", "strato", "linode", "datadog", "sentry", "1password", "lastpass", "grammarly", "miro", "loom", "lemon squeezy", "paddle", "squarespace", "wix", "semrush", "ahrefs"},
			Words: []string{"subscription", "per seat", "seats", "per user", "user licence", "user license", "license key", "licence key", "software", "saas", "cloud", "hosting", "web hosting", "webhosting", "domain name", "domain registration", "api", "api calls", "monthly plan", "annual plan", "pro plan", "team plan", "business plan",
				"workspace", "storage", "bandwidth", "server", "virtual server", "vps", "ssl certificate", "abonnement", "softwarelizenz", "lizenz", "lizenzen", "nutzer", "benutzer", "speicherplatz", "domain", "logiciel", "hebergement", "licence", "utilisateurs", "nom de domaine", "suscripcion", "licencia", "usuarios", "alojamiento", "dominio",
				"abbonamento", "licenza", "utenti", "dominio web", "licentie", "gebruikers", "webruimte", "domeinnaam", "assinatura", "licenca", "utilizadores", "alojamento", "subskrypcja", "licencja", "uzytkownik*", "hosting stron", "prenumeration", "licens", "anvandare", "brugere", "licenser", "tilaus", "lisenssi", "kayttaja*", "subscription period", "billing cycle", "renews"},
		},
		{
			Name: "Utility",
			Vendors: []string{"telekom", "telecom*", "vodafone", "orange", "o2", "t mobile", "verizon", "at t", "comcast", "telefonica", "movistar", "swisscom", "telia", "telenor", "kpn", "ziggo", "proximus", "bouygues telecom", "sfr", "free mobile", "free sas", "maxis", "digi", "celcom", "unifi",
				"stadtwerke", "energie*", "energy", "electric*", "power", "gas", "water", "wasser*", "e on", "eon", "rwe", "enbw", "vattenfall", "edf", "engie", "enel", "eni", "endesa", "iberdrola", "naturgy", "edp", "tauron", "pge", "orsted", "fortum", "british gas", "octopus energy", "tenaga", "tnb", "syabas", "eau", "veolia", "suez", "netcologne", "1 1 telecom", "thames water", "national grid"},
			Words: []string{"electricity", "kwh", "kilowatt*", "meter reading", "meter number", "natural gas", "water supply", "sewage", "waste collection", "broadband", "internet access", "phone line", "landline", "mobile plan", "data plan", "call charges", "tariff", "standing charge", "heating", "utility",
				"strom", "stromverbrauch", "stromrechnung", "erdgas", "gasverbrauch", "fernwarme", "trinkwasser", "abwasser", "zahlerstand", "zahlernummer", "grundpreis", "arbeitspreis", "verbrauchsabrechnung", "abfallentsorgung", "mobilfunk", "festnetz", "internetanschluss", "grundgebuhr", "rufnummer", "betriebskosten", "betriebskostenabrechnung",
				"electricite", "consommation", "gaz naturel", "compteur", "releve", "eau potable", "assainissement", "abonnement internet", "telephonie", "ligne mobile", "forfait mobile", "freebox", "electricidad", "consumo", "gas natural", "contador", "agua", "alcantarillado", "telefonia", "linea movil", "fibra", "energia elettrica", "consumi", "luce", "contatore", "acqua", "fognatura", "telefonia mobile",
				"elektriciteit", "stroom", "gasverbruik", "meterstand", "drinkwater", "riolering", "vastrecht", "eletricidade", "energia eletrica", "contador de agua", "agua e saneamento", "telecomunicacoes", "energia elektryczna", "gaz ziemny", "licznik", "woda", "scieki", "oplata abonamentowa", "elnat", "elforbruk", "forbrukning", "fjarrvarme", "bredband", "elforbrug", "varme", "vand", "bredbaand", "sahko", "kaukolampo", "laajakaista"},
		},
		{
			Name: "Contractor",
			Vendors: []string{"consulting", "consultant*", "consultoria", "consultores", "conseil", "consulenza", "beratung*", "freelance*", "studio", "design", "architect*", "architekt*", "ingenieur*", "engineering", "bau", "bauunternehmen", "handwerk*", "maler*", "elektro*", "elektrotechni*", "sanitar*", "heizung*", "plumbing", "painting", "construction", "construcciones", "costruzioni", "builders", "roofing", "carpentry",
				"menuiserie", "plomberie", "peinture", "maconnerie", "idraulica", "falegnameria", "fontaneria", "carpinteria", "loodgieter*", "schilder*", "timmer*", "aannemer*", "hydraulik*", "stolar*", "budownictwo", "snickeri", "bygg", "byg", "rakennus*", "cleaning", "reinigung*", "nettoyage", "limpieza*", "limpezas", "pulizie", "schoonmaak*", "sprzatanie", "translation*", "ubersetzung*", "traduction*", "photography", "fotograf*", "legal", "rechtsanwal*", "avocat*", "abogado*", "avvocato", "attorney*", "steuerberat*", "accounting", "garten*", "landscap*", "metallbau"},
			Words: []string{"hours worked", "hourly rate", "day rate", "daily rate", "labour", "labor", "man days", "person days", "consulting", "consultancy", "freelance", "contractor", "services rendered", "professional services", "professional fees", "installation", "repair", "maintenance", "workmanship", "on site", "translation", "design work", "development services", "training day",
				"stundensatz", "arbeitsstunden", "stunden", "tagessatz", "honorar", "beratung", "beratungsleistung*", "dienstleistung*", "montage", "arbeitszeit", "handwerkerleistung*", "reparatur", "wartung", "personentage", "werkvertrag", "schulungstag", "ubersetzung", "malerarbeiten", "prestation*", "prestation de services", "honoraires", "main d oeuvre", "taux horaire", "heures", "travaux", "depannage", "intervention", "formation", "installation sur site",
				"honorarios", "mano de obra", "horas de trabajo", "servicios prestados", "consultoria", "obra", "reparacion", "mantenimiento", "consulenza", "onorario", "manodopera", "ore di lavoro", "prestazione professionale", "lavori", "riparazione", "manutenzione", "giornata di formazione", "uurtarief", "arbeidsloon", "werkzaamheden", "advies", "uren", "reparatie", "onderhoud", "schilderwerk", "honorarios", "mao de obra", "trabalhos", "servicos prestados", "trabalhos de pintura", "reparacao",
				"roboczogodzin*", "usluga", "uslugi", "robocizna", "naprawa", "prace", "arbete", "arbetstid", "timpris", "konsult*", "konsultarvode", "reparation", "arbejdstimer", "arbejdslon", "konsulent*", "tyotunnit", "tuntihinta", "konsultointi", "huolto", "asennus"},
		},
		{Name: OtherCategory},
	}
}

// Categorize puts a document into one of the categories by its vendor and its
// text. The reason is for people. The confidence is 0 to 1; a document that
// fits nowhere goes to OtherCategory, or to "" when the set has none.
func Categorize(vendor, text string, set []Category) (name, reason string, confidence float64) {
	vendorWords, textWords := wordRun(vendor), wordRun(text)
	scores := make([]float64, len(set))
	found := make([][]string, len(set))
	for i, category := range set {
		for _, word := range category.Vendors {
			if vendorWords.has(word) {
				scores[i] += 3
				found[i] = append(found[i], word)
			}
		}
		for _, word := range category.Words {
			if textWords.has(word) && !slices.Contains(found[i], word) {
				scores[i]++
				found[i] = append(found[i], word)
			}
		}
	}
	best, rest := -1, 0.0
	for i, score := range scores {
		if score > 0 && (best < 0 || score > scores[best]) {
			best = i
		}
	}
	if best < 0 {
		return fallback(set)
	}
	for i, score := range scores {
		if i != best {
			rest = max(rest, score)
		}
	}
	if scores[best] < 2 || scores[best] == rest {
		name, _, _ = fallback(set)
		return name, "Too few words speak for one category.", 0.4
	}
	confidence = scores[best] / (scores[best] + rest + 1)
	return set[best].Name, "It says " + quoted(found[best]) + ".", math.Round(confidence*100) / 100
}

func fallback(set []Category) (name, reason string, confidence float64) {
	for _, category := range set {
		if category.Name == OtherCategory {
			return OtherCategory, "No word speaks for another category.", 0.5
		}
	}
	return "", "No word speaks for a category.", 0
}

// quoted lists the first three words.
func quoted(words []string) string {
	shown := make([]string, 0, 3)
	for _, word := range words[:min(len(words), 3)] {
		shown = append(shown, fmt.Sprintf("“%s”", strings.TrimSuffix(word, "*")))
	}
	return strings.Join(shown, ", ")
}

// run is folded text with one space around each word.
type run string

// maxCategoryText bounds the text that is looked at, in bytes.
const maxCategoryText = 64 << 10

func wordRun(text string) run {
	return run(" " + strings.Join(tokens(fold(text[:min(len(text), maxCategoryText)])), " ") + " ")
}

// has says that the word or phrase occurs; a trailing * leaves its end open.
func (r run) has(word string) bool {
	open := strings.HasSuffix(word, "*")
	phrase := " " + strings.Join(tokens(fold(word)), " ")
	if phrase == " " {
		return false
	}
	if !open {
		phrase += " "
	}
	return strings.Contains(string(r), phrase)
}
