package main

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/docuflow/docuflow/storage/postgres/postgrestest"
)

const configurationPage = "../../docs/configuration.md"

func TestPageOfSettingsIsUpToDate(t *testing.T) {
	var want bytes.Buffer
	if err := writeConfiguration(&want); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(configurationPage)
	if err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Fatalf("docs/configuration.md is not what the settings are: run make generate and commit it (%v)", err)
	}
}

// What the page promises is looked up in the code that keeps it.
func TestPageOfSettingsTellsSecretsAndNeeds(t *testing.T) {
	settings, err := allSettings()
	if err != nil {
		t.Fatal(err)
	}
	secrets, needed := map[string]bool{}, map[string]bool{}
	for _, s := range settings {
		secrets[s.env], needed[s.env] = s.secret, s.needed
	}
	for env, want := range map[string][2]bool{
		"DATABASE_URL": {true, true}, "DOCUFLOW_COOKIE_KEY": {true, true}, "DOCUFLOW_S3_SECRET_KEY": {true, false},
		"DOCUFLOW_MIGRATION_URL": {true, false}, "DOCUFLOW_HTTP_ADDR": {false, false},
	} {
		if got := [2]bool{secrets[env], needed[env]}; got != want {
			t.Errorf("%s: secret, needed = %v, want %v", env, got, want)
		}
	}
}

// The environment is read in one way alone: a setting that is read with
// os.Getenv would be missing on the page.
func TestSettingsAreReadByTheCommandLineAlone(t *testing.T) {
	settings, err := allSettings()
	if err != nil {
		t.Fatal(err)
	}
	var known []string
	for _, s := range settings {
		known = append(known, s.env)
	}
	named := regexp.MustCompile(`"(DOCUFLOW_[A-Z0-9_]+)"`)
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		content, err := os.ReadFile(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range named.FindAllStringSubmatch(string(content), -1) {
			if !slices.Contains(known, name[1]) {
				t.Errorf("%s names %s, which is no setting", file.Name(), name[1])
			}
		}
	}
}

// setForProduction sets settings that production is content with, but for the database.
func setForProduction(t *testing.T) {
	t.Helper()
	for name, value := range map[string]string{
		"DATABASE_URL": "postgres://docuflow:b1946ac92492d234@127.0.0.1:1/docuflow", "DOCUFLOW_COOKIE_KEY": "8c7e1f0a9b3d5e6f7a1c2b4d8e9f0a3c",
		"DOCUFLOW_PUBLIC_URL": "https://docuflow.example.com", "DOCUFLOW_DATA_DIR": t.TempDir(),
	} {
		t.Setenv(name, value)
	}
}

func checkSettings(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := run(t.Context(), append([]string{"config", "check"}, args...), &out, &out)
	return out.String(), err
}

func TestConfigCheck(t *testing.T) {
	for name, c := range map[string]struct {
		env  map[string]string
		want []string // in the error; none: fine
	}{
		"fine":                   {nil, nil},
		"nothing is set":         {map[string]string{"DATABASE_URL": "", "DOCUFLOW_COOKIE_KEY": ""}, []string{"DATABASE_URL is not set", "DOCUFLOW_COOKIE_KEY is not set"}},
		"plain HTTP":             {map[string]string{"DOCUFLOW_PUBLIC_URL": "http://docuflow.example.com"}, []string{"DOCUFLOW_PUBLIC_URL"}},
		"plain HTTP, everywhere": {map[string]string{"DOCUFLOW_PUBLIC_URL": "", "DOCUFLOW_HTTP_ADDR": ":8080"}, []string{"DOCUFLOW_PUBLIC_URL"}},
		"plain HTTP on loopback": {map[string]string{"DOCUFLOW_PUBLIC_URL": "http://127.0.0.1:8080"}, nil},
		"a secret of an example": {map[string]string{"DOCUFLOW_COOKIE_KEY": "change-me-to-32-random-characters!!"}, []string{"DOCUFLOW_COOKIE_KEY"}},
		"a typed secret":         {map[string]string{"DOCUFLOW_COOKIE_KEY": strings.Repeat("ab", 16)}, []string{"DOCUFLOW_COOKIE_KEY"}},
		"a well-known password":  {map[string]string{"DATABASE_URL": "postgres://docuflow:postgres@db/docuflow"}, []string{"DATABASE_URL"}},
		"a default of S3":        {map[string]string{"DOCUFLOW_S3_SECRET_KEY": "minioadmin"}, []string{"DOCUFLOW_S3_SECRET_KEY"}},
		"several at once": {
			map[string]string{"DOCUFLOW_SLOTS": "0", "DOCUFLOW_HTTP_ADDR": "nowhere", "DOCUFLOW_COOKIE_KEY": ""},
			[]string{"DOCUFLOW_SLOTS", "DOCUFLOW_HTTP_ADDR", "DOCUFLOW_COOKIE_KEY"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			setForProduction(t)
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			_, err := checkSettings(t, "--offline")
			if (err != nil) != (c.want != nil) {
				t.Fatalf("error: %v", err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not name %s: %v", want, err)
				}
			}
			for _, secret := range []string{os.Getenv("DOCUFLOW_COOKIE_KEY"), "minioadmin"} {
				if err != nil && secret != "" && strings.Contains(err.Error(), secret) {
					t.Errorf("the error tells a secret: %v", err)
				}
			}
		})
	}
}

func TestConfigCheckAsksTheDatabase(t *testing.T) {
	setForProduction(t)
	t.Setenv("DATABASE_URL", postgrestest.New(t, migrated))
	if _, err := checkSettings(t); err == nil || !strings.Contains(err.Error(), "superuser") {
		t.Errorf("a superuser: %v", err)
	}
	if _, err := checkSettings(t, "--offline"); err != nil {
		t.Errorf("offline: %v", err)
	}
}
