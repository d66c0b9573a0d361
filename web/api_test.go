package web

import (
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/docuflow/docuflow/domain"
	"github.com/go-chi/chi/v5"
	"go.yaml.in/yaml/v3"
)

var updateGolden = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *updateGolden {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs:\n%s", name, got)
	}
}

func TestProblemsAreDetails(t *testing.T) {
	s := newSite(t)
	seed(s.memory)
	for name, got := range map[string]answer{
		"not-found":     s.api(t, "GET", "/documents/00000000-0000-4000-8000-000000000000", ""),
		"no-route":      s.api(t, "GET", "/nowhere", ""),
		"wrong-method":  s.api(t, "PUT", "/documents", ""),
		"invalid-value": s.api(t, "PATCH", "/documents/"+string(nordlys), `{"total_amount":"1,5"}`),
		"unknown-field": s.api(t, "PATCH", "/documents/"+string(nordlys), `{"shoe_size":"44"}`),
		"no-patch":      s.api(t, "PATCH", "/documents/"+string(nordlys), `{"total_amount":12}`),
		"limit":         s.api(t, "GET", "/documents?limit=0", ""),
		"not-due":       s.api(t, "POST", "/documents/0d0c0000-0000-4000-8000-000000000008/retry", ""),
		"no-token":      s.do(t, "GET", "/api/v1/documents", nil),
		"bad-token":     s.do(t, "GET", "/api/v1/documents", nil, "Authorization", "Bearer nonsense"),
	} {
		if got.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s is sent as %s", name, got.Header.Get("Content-Type"))
		}
		golden(t, "problem-"+name+".json", got.body)
	}
}

func TestAPINeedsATokenNotACookie(t *testing.T) {
	s := newSite(t)
	got := s.get(t, "/api/v1/documents")
	if got.StatusCode != http.StatusUnauthorized || !strings.HasPrefix(got.Header.Get("WWW-Authenticate"), "Bearer") {
		t.Errorf("a cookie is answered %d, %q", got.StatusCode, got.Header.Get("WWW-Authenticate"))
	}
}

type listAnswer struct {
	Documents  []map[string]any `json:"documents"`
	NextCursor *string          `json:"next_cursor"`
}

func TestAPIList(t *testing.T) {
	s := newSite(t)
	seed(s.memory)
	seen, cursor := map[any]bool{}, ""
	for range 10 {
		var page listAnswer
		if err := json.Unmarshal([]byte(s.api(t, "GET", "/documents?limit=5&cursor="+cursor, "").body), &page); err != nil {
			t.Fatal(err)
		}
		for _, d := range page.Documents {
			seen[d["id"]] = true
		}
		if page.NextCursor == nil {
			break
		}
		cursor = *page.NextCursor
	}
	if len(seen) != len(s.documents) {
		t.Errorf("paging shows %d of %d documents", len(seen), len(s.documents))
	}
	s.api(t, "GET", "/documents?status=FAILED&q=brightwater", "").want(t, http.StatusOK, `"vendor_name": "Brightwater Utilities plc"`, `"total_amount": "312.08"`, `"kind": "rejected"`, `"next_cursor": null`)
	empty := newSite(t).api(t, "GET", "/documents", "")
	empty.want(t, http.StatusOK, `"documents": []`)
}

func TestAPIDocument(t *testing.T) {
	s := newSite(t)
	seed(s.memory)
	path := "/documents/" + string(nordlys)
	s.api(t, "GET", path, "").want(t, http.StatusOK, `"status": "RETRYING"`, `"next_attempt_at": "2`, `"currency": "NOK"`, `"fields"`)
	s.api(t, "GET", "/documents/0d0c0000-0000-4000-8000-000000000000", "").want(t, http.StatusOK, `"vendor_name": null`, `"error": null`, `"deliveries": []`)

	s.api(t, "PATCH", path, `{"total_amount":"2500.00","vendor_name":" Nordlys  AS "}`).want(t, http.StatusOK, `"total_amount": "2500.00"`, `"vendor_name": "Nordlys AS"`, `"locked": true`)
	s.api(t, "PATCH", path, `{"total_amount":"1.00","currency":"EURO"}`).want(t, http.StatusUnprocessableEntity, `"field": "currency"`)
	s.api(t, "PATCH", path, `{"total_amount":null}`).want(t, http.StatusOK, `"total_amount": "2490.00"`)
	s.api(t, "PATCH", path, `{}`).want(t, http.StatusBadRequest)

	s.api(t, "POST", path+"/retry", "").want(t, http.StatusAccepted, `"status": "QUEUED"`)
	s.api(t, "DELETE", path, "").want(t, http.StatusNoContent)
	s.api(t, "GET", path, "").want(t, http.StatusNotFound)
}

func TestAPIUploadAndFile(t *testing.T) {
	s := newSite(t, func(c *Config) { c.MaxUpload = 1000 })
	send := func(files ...[2]string) answer {
		body, contentType := form(t, files...)
		return s.do(t, "POST", "/api/v1/documents", body, "Content-Type", contentType, "Authorization", "Bearer token-1")
	}
	made := send([2]string{"rechnung.pdf", "%PDF-1.4"})
	made.want(t, http.StatusCreated, `"file_name": "rechnung.pdf"`, `"status": "QUEUED"`)
	location := strings.TrimPrefix(made.Header.Get("Location"), "/api/v1")
	if got := s.api(t, "GET", location+"/file?variant=original", ""); got.body != "%PDF-1.4" {
		t.Errorf("the original is %q", got.body)
	}
	s.api(t, "GET", location+"/file", "").want(t, http.StatusNotFound, "not_ready")
	s.api(t, "GET", location+"/file?variant=secret", "").want(t, http.StatusBadRequest)

	send([2]string{"large.pdf", strings.Repeat("x", 1001)}).want(t, http.StatusRequestEntityTooLarge)
	send([2]string{"a.pdf", "x"}, [2]string{"b.pdf", "x"}).want(t, http.StatusUnprocessableEntity, "one_file", `"document": "`)
	send().want(t, http.StatusBadRequest)
	s.api(t, "POST", "/documents", `{}`).want(t, http.StatusBadRequest)
	if len(s.documents) != 2 {
		t.Errorf("%d documents", len(s.documents))
	}
}

func TestAPITimeline(t *testing.T) {
	s := newSite(t)
	seed(s.memory)
	seedDocument(t, s.memory)
	s.attempts[nordlys] = append(s.attempts[nordlys], domain.Attempt{Stage: "announce", Number: 3})
	s.api(t, "GET", "/documents/"+string(nordlys)+"/timeline", "").want(t, http.StatusOK, `"outcome": "running"`, `"finished_at": null`, `"outcome": "retry"`, `"actor": "maria.aalto@lindqvist.example"`, `"actor": null`)
}

// TestOpenAPIIsTheRouter holds the description and the routes together.
func TestOpenAPIIsTheRouter(t *testing.T) {
	content, err := os.ReadFile("../docs/api/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var spec struct {
		OpenAPI string                    `yaml:"openapi"`
		Paths   map[string]map[string]any `yaml:"paths"`
	}
	if err := yaml.Unmarshal(content, &spec); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(spec.OpenAPI, "3.1") {
		t.Errorf("the description is OpenAPI %s", spec.OpenAPI)
	}
	var described, routed []string
	for path, operations := range spec.Paths {
		for method := range operations {
			if method != "parameters" {
				described = append(described, strings.ToUpper(method)+" "+path)
			}
		}
	}
	s := newSite(t)
	err = chi.Walk(s.server.routes.(chi.Routes), func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if path, ok := strings.CutPrefix(route, apiPrefix); ok {
			routed = append(routed, method+" "+path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(described)
	slices.Sort(routed)
	if !slices.Equal(described, routed) || len(routed) == 0 {
		t.Errorf("described: %v\nrouted:    %v", described, routed)
	}
}
