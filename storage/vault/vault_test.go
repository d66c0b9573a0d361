package vault_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/storage/vault"
)

const (
	alpha domain.WorkspaceID  = "01890000-0000-7000-8000-00000000000a"
	beta  domain.WorkspaceID  = "01890000-0000-7000-8000-00000000000b"
	one   domain.ConnectionID = "01890000-0000-7000-8000-000000000001"
	two   domain.ConnectionID = "01890000-0000-7000-8000-000000000002"
)

var token = domain.Secrets{"refresh_token": "1//top-secret"}

func newVault(t *testing.T) (*vault.Vault, []byte) {
	t.Helper()
	keyset, err := vault.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	return open(t, keyset), keyset
}

func open(t *testing.T, keyset []byte) *vault.Vault {
	t.Helper()
	v, err := vault.Open(keyset)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestSealedSecretsAreBoundToTheirConnection(t *testing.T) {
	v, _ := newVault(t)
	sealed, err := v.Seal(alpha, one, token)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(sealed), "secret") {
		t.Fatal("the secret is in the clear")
	}
	if secrets, err := v.Unseal(alpha, one, sealed); err != nil || secrets["refresh_token"] != token["refresh_token"] {
		t.Fatalf("%v", err)
	}
	other, _ := newVault(t)
	damaged := append([]byte{}, sealed...)
	damaged[len(damaged)-1] ^= 1
	for name, unseal := range map[string]func() (domain.Secrets, error){
		"another workspace":  func() (domain.Secrets, error) { return v.Unseal(beta, one, sealed) },
		"another connection": func() (domain.Secrets, error) { return v.Unseal(alpha, two, sealed) },
		"another keyset":     func() (domain.Secrets, error) { return other.Unseal(alpha, one, sealed) },
		"damaged":            func() (domain.Secrets, error) { return v.Unseal(alpha, one, damaged) },
	} {
		if secrets, err := unseal(); !errors.Is(err, vault.ErrSealed) || len(secrets) != 0 {
			t.Errorf("%s: opened, %v", name, err)
		}
	}
}

func TestRotatedKeysetOpensWhatWasSealedBefore(t *testing.T) {
	v, keyset := newVault(t)
	old, err := v.Seal(alpha, one, token)
	if err != nil {
		t.Fatal(err)
	}
	rotated, err := vault.Rotate(keyset)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := vault.Keys(rotated)
	if err != nil || len(keys) != 2 || keys[0].Primary || !keys[1].Primary {
		t.Fatalf("%+v %v", keys, err)
	}
	v = open(t, rotated)
	if secrets, err := v.Unseal(alpha, one, old); err != nil || secrets["refresh_token"] != token["refresh_token"] {
		t.Fatalf("%v", err)
	}
	fresh, err := v.Seal(alpha, one, token)
	if err != nil || v.Newest(old) || !v.Newest(fresh) {
		t.Fatalf("newest: old %v, fresh %v, %v", v.Newest(old), v.Newest(fresh), err)
	}
}

func TestReadTakesAFileOrBase64AndPrintsNeither(t *testing.T) {
	_, keyset := newVault(t)
	file := filepath.Join(t.TempDir(), "keyset.json")
	if err := os.WriteFile(file, keyset, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, setting := range []string{file, base64.StdEncoding.EncodeToString(keyset)} {
		if content, err := vault.Read(setting); err != nil || string(content) != string(keyset) {
			t.Errorf("%v", err)
		}
	}
	mistyped := base64.StdEncoding.EncodeToString(keyset)[3:]
	if _, err := vault.Read(mistyped); err == nil || strings.Contains(err.Error(), mistyped[:20]) {
		t.Errorf("a mistyped keyset: %v", err)
	}
	if _, err := vault.Open([]byte(`{"key":"` + mistyped + `"}`)); err == nil || strings.Contains(err.Error(), mistyped[:20]) {
		t.Errorf("no keyset: %v", err)
	}
}

func TestSecretsDoNotPrintThemselves(t *testing.T) {
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("connection", "secrets", token)
	printed := fmt.Sprintf("%v %+v %#v %s", token, struct{ S domain.Secrets }{token}, token, token) + log.String()
	if strings.Contains(printed, "top-secret") {
		t.Fatal(printed)
	}
}
