package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/jackc/pgx/v5"

	"github.com/docuflow/docuflow/storage/postgres"
	"github.com/docuflow/docuflow/storage/postgres/postgrestest"
)

// zone answers the doctor's questions to the DNS.
type zone struct {
	mx, txt, hosts map[string]string
}

func (z zone) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	if host, ok := z.mx[name]; ok {
		return []*net.MX{{Host: host + ".", Pref: 10}}, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func (z zone) LookupTXT(_ context.Context, name string) ([]string, error) {
	return []string{"something else", z.txt[name]}, nil
}

func (z zone) LookupHost(_ context.Context, host string) ([]string, error) {
	if address, ok := z.hosts[strings.TrimSuffix(host, ".")]; ok {
		return []string{address}, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

var published = zone{
	mx: map[string]string{"in.example.com": "mail.example.com"}, txt: map[string]string{"in.example.com": "v=spf1 -all"},
	hosts: map[string]string{"mail.example.com": "192.0.2.1", "docuflow.example.com": "192.0.2.2"},
}

// consult runs the doctor on settings from the environment.
func consult(t *testing.T, names resolver) (map[string]finding, error) {
	t.Helper()
	var c doctorCommand
	parser, err := kong.New(&c, kong.Vars{"data_dir": t.TempDir(), "filed_names": "n"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse([]string{"--json"}); err != nil {
		t.Fatal(err)
	}
	c.names = names
	var out bytes.Buffer
	problem := c.Run(t.Context(), terminal{out: &out, log: &out})
	var findings []finding
	if err := json.Unmarshal(out.Bytes(), &findings); err != nil {
		t.Fatalf("%s: %v", out.String(), err)
	}
	byPart := map[string]finding{}
	for _, found := range findings {
		if found.State == failing && found.Says == "" {
			t.Errorf("%s fails without a word", found.Part)
		}
		byPart[found.Part] = found
	}
	return byPart, problem
}

func healthy(t *testing.T) (admin string) {
	t.Helper()
	admin = postgrestest.New(t, migrated)
	login, err := postgres.Provision(t.Context(), admin, "test")
	if err != nil {
		t.Fatal(err)
	}
	setForProduction(t)
	t.Setenv("DATABASE_URL", login)
	t.Setenv("DOCUFLOW_MAIL_DOMAIN", "in.example.com")
	for _, name := range []string{"DOCUFLOW_HTTP_ADDR", "DOCUFLOW_SMTP_ADDR", "DOCUFLOW_ADMIN_ADDR"} {
		t.Setenv(name, "127.0.0.1:0")
	}
	return admin
}

func TestDoctorFindsNothingWhereNothingIsWrong(t *testing.T) {
	healthy(t)
	found, err := consult(t, published)
	for part, f := range found {
		if f.State == failing {
			t.Errorf("%s: %+v", part, f)
		}
	}
	if err != nil {
		t.Errorf("exit: %v", err)
	}
	for _, part := range []string{"settings", "database", "migrations", "row security", "clock", "object storage", "qpdf", "tesseract", "languages", "PDF engine", "MX", "SPF", "own name", "port SMTP"} {
		if found[part].State != fine {
			t.Errorf("%s: %+v", part, found[part])
		}
	}
	if found["sandbox"].State == "" || found["sandbox"].State == skipped {
		t.Errorf("sandbox: %+v", found["sandbox"])
	}
}

func TestDoctorFindsWhatIsWrong(t *testing.T) {
	admin := healthy(t)
	if err := execute(t, admin, "ALTER TABLE mails NO FORCE ROW LEVEL SECURITY", "DELETE FROM goose_db_version WHERE version_id = (SELECT max(version_id) FROM goose_db_version)",
		"UPDATE balance_checks SET checked_at = now(), problems = '{\"mail_lost\": 2}'"); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	t.Setenv("DOCUFLOW_SMTP_ADDR", taken.Addr().String())
	t.Setenv("DOCUFLOW_COOKIE_KEY", "changeme")
	t.Setenv("DOCUFLOW_OCR_LANGUAGES", "eng,xxx")
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, nil)
	t.Setenv("DOCUFLOW_DATA_DIR", filepath.Join(file, "below")) // not even root can make that
	found, err := consult(t, zone{})
	if err == nil {
		t.Error("exit 0")
	}
	for part, says := range map[string]string{
		"settings": "DOCUFLOW_COOKIE_KEY", "migrations": ".sql", "row security": "mails", "balance": "mail_lost", "object storage": "",
		"languages": "xxx", "MX": "in.example.com", "own name": "docuflow.example.com", "port SMTP": "taken by another program",
	} {
		if f := found[part]; f.State != failing || !strings.Contains(f.Says, says) || f.Hint == "" {
			t.Errorf("%s: %+v", part, f)
		}
	}
	if f := found["SPF"]; f.State != warning || !strings.Contains(f.Hint, "v=spf1 -all") {
		t.Errorf("SPF: %+v", f)
	}
}

func TestDoctorWithoutADatabase(t *testing.T) {
	healthy(t)
	t.Setenv("DATABASE_URL", "postgres://docuflow:b1946ac92492d234@127.0.0.1:1/docuflow")
	found, err := consult(t, published)
	if err == nil || found["database"].State != failing || found["migrations"].State != skipped || found["object storage"].State != fine {
		t.Errorf("%v %+v", err, found)
	}
	if strings.Contains(found["database"].Says, "b1946ac92492d234") {
		t.Errorf("a password is told: %+v", found["database"])
	}
}

func execute(t *testing.T, url string, statements ...string) error {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		return err
	}
	defer conn.Close(context.Background())
	for _, statement := range statements {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			return err
		}
	}
	return nil
}
