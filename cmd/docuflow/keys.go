package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/storage/postgres"
	"github.com/docuflow/docuflow/storage/vault"
)

// keysetFile is where docuflow dev keeps the keyset, in its data directory.
const keysetFile = "keyset.json"

type keysCommand struct {
	Create    keysCreate    `cmd:"" help:"Make a keyset for the secrets of connections, in a new file."`
	Rotate    keysRotate    `cmd:"" help:"Add a key that seals from now on. Restart the servers, then run re-encrypt."`
	List      keysList      `cmd:"" help:"List the keys of a keyset, without the keys themselves."`
	ReEncrypt keysReEncrypt `cmd:"" help:"Seal all secrets again with the newest key."`
}

// keyset is where the keys are.
type keyset struct {
	Keyset  secret `env:"DOCUFLOW_KEYSET" help:"File of the keyset, or the keyset in base64. Default: that of docuflow dev."`
	DataDir string `env:"DOCUFLOW_DATA_DIR" default:"${data_dir}" help:"Data directory of docuflow dev."`
}

func (k keyset) read() ([]byte, error) {
	if k.Keyset != "" {
		return vault.Read(string(k.Keyset))
	}
	return vault.Read(filepath.Join(k.DataDir, keysetFile))
}

type keysCreate struct {
	File string `arg:"" help:"The new file. Keep a copy where you keep other secrets: without it connections must be made anew."`
}

func (c *keysCreate) Run(term terminal) error {
	content, err := vault.NewKeyset()
	if err != nil {
		return err
	}
	file, err := os.OpenFile(c.File, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("make the keyset's file: %w", err)
	}
	_, err = file.Write(content)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("write the keyset's file: %w", err)
	}
	_, err = fmt.Fprintf(term.out, "%s holds a new keyset. Set DOCUFLOW_KEYSET to its path on all nodes.\n", c.File)
	return err
}

type keysRotate struct {
	File string `arg:"" optional:"" help:"File of the keyset. Default: that of docuflow dev."`

	DataDir string `env:"DOCUFLOW_DATA_DIR" default:"${data_dir}" help:"Data directory of docuflow dev."`
}

func (c *keysRotate) Run(term terminal) error {
	file := c.File
	if file == "" {
		file = filepath.Join(c.DataDir, keysetFile)
	}
	content, err := vault.Read(file)
	if err != nil {
		return err
	}
	rotated, err := vault.Rotate(content)
	if err != nil {
		return err
	}
	if err := writePrivate(file, rotated); err != nil {
		return fmt.Errorf("write the keyset's file: %w", err)
	}
	_, err = fmt.Fprintf(term.out, "%s has a new key. Give it to all nodes, restart them, then run: docuflow keys re-encrypt\n", file)
	return err
}

type keysList struct {
	keyset
}

func (c *keysList) Run(term terminal) error {
	content, err := c.read()
	if err != nil {
		return err
	}
	keys, err := vault.Keys(content)
	if err != nil {
		return err
	}
	for _, key := range keys {
		use := "opens"
		if key.Primary {
			use = "seals and opens"
		}
		fmt.Fprintf(term.out, "%-12d %s\n", key.ID, use)
	}
	return nil
}

type keysReEncrypt struct {
	keyset
	DatabaseURL secret `env:"DATABASE_URL" help:"PostgreSQL login of the server. Default: that of a running docuflow dev."`
}

func (c *keysReEncrypt) Run(ctx context.Context, term terminal) error {
	content, err := c.read()
	if err != nil {
		return err
	}
	keys, err := vault.Open(content)
	if err != nil {
		return err
	}
	url, err := databaseOf(c.DatabaseURL, c.DataDir)
	if err != nil {
		return err
	}
	store, err := postgres.Open(ctx, url, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer store.Close()
	resealed, skipped, err := reseal(ctx, store, keys)
	fmt.Fprintf(term.out, "%d secrets were sealed with the newest key; %d had been already, have none or were changed meanwhile.\n", resealed, skipped)
	return err
}

// reseal seals every secret with the newest key. One that cannot be opened is
// an error, and does not keep the others from being sealed.
func reseal(ctx context.Context, store *postgres.Store, keys *vault.Vault) (resealed, skipped int, err error) {
	workspaces, err := store.Workspaces(ctx)
	if err != nil {
		return 0, 0, err
	}
	var problems []error
	for _, workspace := range workspaces {
		connections, err := store.Connections(ctx, workspace)
		if err != nil {
			return resealed, skipped, err
		}
		for _, connection := range connections {
			done, err := resealOne(ctx, store, keys, connection)
			switch {
			case err != nil:
				problems = append(problems, fmt.Errorf("connection %s: %w", connection.ID, err))
			case done:
				resealed++
			default:
				skipped++
			}
		}
	}
	return resealed, skipped, errors.Join(problems...)
}

func resealOne(ctx context.Context, store *postgres.Store, keys *vault.Vault, c domain.Connection) (bool, error) {
	if len(c.Sealed) == 0 || keys.Newest(c.Sealed) {
		return false, nil
	}
	secrets, err := keys.Unseal(c.Workspace, c.ID, c.Sealed)
	if err != nil {
		return false, err
	}
	sealed, err := keys.Seal(c.Workspace, c.ID, secrets)
	if err != nil {
		return false, err
	}
	err = store.Reseal(ctx, c, sealed)
	if errors.Is(err, domain.ErrNotFound) {
		return false, nil // changed meanwhile, with the server's own key
	}
	return err == nil, err
}

// keptKeyset reads the keyset of docuflow dev, and makes it the first time.
func keptKeyset(path string) (secret, error) {
	if _, err := os.Stat(path); err == nil {
		return secret(path), nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the keyset: %w", err)
	}
	content, err := vault.NewKeyset()
	if err != nil {
		return "", err
	}
	if err := writePrivate(path, content); err != nil {
		return "", fmt.Errorf("keep the keyset: %w", err)
	}
	return secret(path), nil
}

// openVault is nil without a keyset: then there are no connections.
func openVault(setting secret) (*vault.Vault, error) {
	if setting == "" {
		return nil, nil
	}
	content, err := vault.Read(string(setting))
	if err != nil {
		return nil, fmt.Errorf("DOCUFLOW_KEYSET: %w", err)
	}
	keys, err := vault.Open(content)
	if err != nil {
		return nil, fmt.Errorf("DOCUFLOW_KEYSET: %w", err)
	}
	return keys, nil
}
