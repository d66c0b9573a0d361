package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/storage/postgres"
	"github.com/docuflow/docuflow/storage/postgres/postgrestest"
	"github.com/docuflow/docuflow/storage/vault"
)

func provisionForTest(ctx context.Context, superuserURL string) error {
	_, err := postgres.Provision(ctx, superuserURL, "test")
	return err
}

// openStore gives a store on a database of its own, and its login's URL.
func openStore(t *testing.T) (*postgres.Store, string) {
	t.Helper()
	u, err := url.Parse(postgrestest.New(t, provisionForTest))
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword("docuflow", "test")
	store, err := postgres.Open(t.Context(), u.String(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	return store, u.String()
}

// TestKeysAreRotated does with the commands what an operator does, and wants
// the old key to be of no more use afterwards.
func TestKeysAreRotated(t *testing.T) {
	store, database := openStore(t)
	workspace, _, err := store.NewWorkspace(t.Context(), "Alpha", "in.example", "a@owner.example")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "keyset.json")
	keys := func(args ...string) string {
		t.Helper()
		var out, log bytes.Buffer
		if err := run(t.Context(), append([]string{"keys"}, args...), &out, &log); err != nil {
			t.Fatalf("keys %q: %v", args, err)
		}
		return out.String()
	}
	keys("create", file)
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before := openVaultOf(t, file)
	c := domain.Connection{ID: domain.ConnectionID(uuid.NewString()), Workspace: workspace.ID, Kind: "drive", State: domain.ConnectionActive, Settings: map[string]string{}}
	if c.Sealed, err = before.Seal(c.Workspace, c.ID, domain.Secrets{"refresh_token": "1//secret"}); err != nil {
		t.Fatal(err)
	}
	if err := store.AddConnection(t.Context(), c, "me"); err != nil {
		t.Fatal(err)
	}

	keys("rotate", file)
	if listed := keys("list", "--keyset", file); strings.Count(listed, "\n") != 2 || strings.Count(listed, "seals and opens") != 1 {
		t.Fatalf("keys: %s", listed)
	}
	for _, want := range []string{"1 secrets were sealed", "0 secrets were sealed"} { // the second time there is nothing left to do
		if said := keys("re-encrypt", "--keyset", file, "--database-url", database); !strings.HasPrefix(said, want) {
			t.Fatalf("%q, want %q", said, want)
		}
	}
	stored, err := store.Connection(t.Context(), workspace.ID, c.ID)
	if err != nil {
		t.Fatal(err)
	}
	if secrets, err := openVaultOf(t, file).Unseal(c.Workspace, c.ID, stored.Sealed); err != nil || secrets["refresh_token"] != "1//secret" {
		t.Fatalf("with the new keyset: %v", err)
	}
	if _, err := openVaultOf(t, base64.StdEncoding.EncodeToString(old)).Unseal(c.Workspace, c.ID, stored.Sealed); !errors.Is(err, vault.ErrSealed) {
		t.Fatalf("with the old keyset: %v", err)
	}
}

func openVaultOf(t *testing.T, setting string) *vault.Vault {
	t.Helper()
	keys, err := openVault(secret(setting))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestKeysNeverOverwriteAKeyset(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keyset.json")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := run(t.Context(), []string{"keys", "create", file}, &out, &out); err == nil {
		t.Fatal("overwritten")
	}
	if content, _ := os.ReadFile(file); string(content) != "precious" {
		t.Fatal("overwritten")
	}
	if printed := fmt.Sprintf("%+v", settings{Keyset: "inline-key"}); strings.Contains(printed, "inline-key") {
		t.Fatal("settings print the keyset")
	}
}
