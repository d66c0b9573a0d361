package postgres_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/docuflow/docuflow/domain"
)

func TestSentBefore(t *testing.T) {
	store, _ := open(t)
	ctx := t.Context()
	acme, other := newWorkspace(t, store, "Acme"), newWorkspace(t, store, "Other")
	unpack := func(workspace domain.WorkspaceID, author, messageID, hash string) {
		t.Helper()
		id := domain.MailID(uuid.NewString())
		if err := store.AddMail(ctx, domain.Mail{ID: id, Workspace: workspace}); err != nil {
			t.Fatal(err)
		}
		_, lease, err := store.ClaimMail(ctx, workspace, id, domain.UnpackStage, "n", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if err := store.FinishMail(ctx, lease, domain.Unpacked{MessageID: messageID, Author: author, Parts: []domain.Part{{SHA256: hash}}}); err != nil {
			t.Fatal(err)
		}
	}
	unpack(acme, "a@x", "1@x", "aa")
	unpack(acme, "a@x", "2@x", "bb")
	unpack(acme, "b@x", "3@x", "cc")
	unpack(other, "a@x", "4@x", "dd")
	for _, test := range []struct {
		author, messageID string
		want              []string
	}{
		{"a@x", "new@x", []string{"aa", "bb"}},
		{"a@x", "1@x", nil}, // delivered again: nothing came before it
		{"a@x", "2@x", []string{"aa"}},
		{"b@x", "new@x", []string{"cc"}},
		{"c@x", "new@x", nil},
	} {
		known, err := store.SentBefore(ctx, acme, test.author, test.messageID, []string{"aa", "bb", "cc", "dd"})
		slices.Sort(known)
		if err != nil || !slices.Equal(known, test.want) {
			t.Errorf("%s %s: got %v, want %v: %v", test.author, test.messageID, known, test.want, err)
		}
	}
}
