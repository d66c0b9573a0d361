package main

import (
	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/pipeline"
	"github.com/docuflow/docuflow/storage/vault"
)

// kinds are the outside services, in the order in which people see them. A
// new one is one line here.
func (s settings) kinds() []pipeline.Kind {
	return nil
}

// seals is the vault, or a stand-in without keys that opens nothing.
type seals struct{ *vault.Vault }

func (s seals) Unseal(workspace domain.WorkspaceID, id domain.ConnectionID, sealed []byte) (domain.Secrets, error) {
	if s.Vault == nil && len(sealed) > 0 {
		return nil, vault.ErrSealed
	}
	if s.Vault == nil {
		return domain.Secrets{}, nil
	}
	return s.Vault.Unseal(workspace, id, sealed)
}
