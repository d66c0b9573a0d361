// Package vault seals the secrets of connections, so that neither the database
// nor its backups hold them in the clear.
//
// A sealed secret is bound to its workspace and its connection: moved to
// another row it cannot be opened. Keys live in a keyset (Tink, AES-256-GCM). A
// keyset that was rotated seals with its newest key and opens with all of them.
package vault

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/docuflow/docuflow/domain"
)

// ErrSealed says that a secret cannot be opened: its key is not in the keyset,
// or it belongs to another connection.
var ErrSealed = errors.New("the secret cannot be opened with this keyset")

// Vault seals and opens. Create it with Open.
type Vault struct {
	aead    tink.AEAD
	primary uint32
}

// Read reads a keyset from a setting: the path of a file, or the keyset itself in base64.
func Read(setting string) ([]byte, error) {
	if content, err := base64.StdEncoding.DecodeString(setting); err == nil && bytes.HasPrefix(bytes.TrimSpace(content), []byte("{")) {
		return content, nil
	}
	if strings.HasPrefix(strings.TrimSpace(setting), "{") {
		return nil, errors.New("write the keyset in base64, or name its file")
	}
	content, err := os.ReadFile(setting)
	if err != nil {
		if pathError, ok := errors.AsType[*os.PathError](err); ok { // a mistyped keyset must not be printed as a path
			err = pathError.Err
		}
		return nil, fmt.Errorf("read the keyset's file: %w", err)
	}
	return content, nil
}

// NewKeyset makes a keyset with one key, as JSON. Whoever has it can open everything.
func NewKeyset() ([]byte, error) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	return write(handle)
}

// Rotate adds a key that seals from now on.
func Rotate(content []byte) ([]byte, error) {
	handle, err := parse(content)
	if err != nil {
		return nil, err
	}
	manager := keyset.NewManagerFromHandle(handle)
	id, err := manager.Add(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	if err := manager.SetPrimary(id); err != nil {
		return nil, fmt.Errorf("choose the new key: %w", err)
	}
	if handle, err = manager.Handle(); err != nil {
		return nil, fmt.Errorf("rotate the keyset: %w", err)
	}
	return write(handle)
}

// Key is one key of a keyset, without the key itself.
type Key struct {
	ID      uint32
	Primary bool // it seals
}

// Keys lists the keys of a keyset, the oldest first.
func Keys(content []byte) (keys []Key, err error) {
	handle, err := parse(content)
	if err != nil {
		return nil, err
	}
	for i := range handle.Len() {
		entry, err := handle.Entry(i)
		if err != nil {
			return nil, fmt.Errorf("list keys: %w", err)
		}
		keys = append(keys, Key{ID: entry.KeyID(), Primary: entry.IsPrimary()})
	}
	return keys, nil
}

// Open makes a vault of a keyset.
func Open(content []byte) (*Vault, error) {
	handle, err := parse(content)
	if err != nil {
		return nil, err
	}
	primitive, err := aead.New(handle)
	if err != nil {
		return nil, fmt.Errorf("use the keyset: %w", err)
	}
	primary, err := handle.Primary()
	if err != nil {
		return nil, fmt.Errorf("use the keyset: %w", err)
	}
	return &Vault{aead: primitive, primary: primary.KeyID()}, nil
}

// Seal encrypts the secrets of a connection.
func (v *Vault) Seal(workspace domain.WorkspaceID, id domain.ConnectionID, secrets domain.Secrets) ([]byte, error) {
	plain, err := json.Marshal(map[string]string(secrets))
	if err != nil {
		return nil, fmt.Errorf("encode secrets: %w", err)
	}
	sealed, err := v.aead.Encrypt(plain, bound(workspace, id))
	if err != nil {
		return nil, fmt.Errorf("seal secrets: %w", err)
	}
	return sealed, nil
}

// Unseal decrypts them. What is not sealed (nil) has no secrets.
func (v *Vault) Unseal(workspace domain.WorkspaceID, id domain.ConnectionID, sealed []byte) (domain.Secrets, error) {
	if len(sealed) == 0 {
		return domain.Secrets{}, nil
	}
	plain, err := v.aead.Decrypt(sealed, bound(workspace, id))
	if err != nil {
		return nil, ErrSealed // Tink's own words say no more
	}
	var secrets map[string]string
	if err := json.Unmarshal(plain, &secrets); err != nil {
		return nil, ErrSealed
	}
	return secrets, nil
}

// Newest says that a secret is sealed with the key that seals now.
func (v *Vault) Newest(sealed []byte) bool {
	const prefix = 5 // Tink's output prefix: a version and the key's id, big-endian
	return len(sealed) >= prefix && sealed[0] == 1 && binary.BigEndian.Uint32(sealed[1:prefix]) == v.primary
}

func bound(workspace domain.WorkspaceID, id domain.ConnectionID) []byte {
	return []byte("docuflow connection\x00" + string(workspace) + "\x00" + string(id))
}

func parse(content []byte) (*keyset.Handle, error) {
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(content)))
	if err != nil {
		return nil, errors.New("this is no keyset; make one with: docuflow keys create") // the cause may quote key material
	}
	return handle, nil
}

func write(handle *keyset.Handle) ([]byte, error) {
	var content bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&content)); err != nil {
		return nil, fmt.Errorf("write the keyset: %w", err)
	}
	return append(content.Bytes(), '\n'), nil
}
