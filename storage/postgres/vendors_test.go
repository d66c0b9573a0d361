package postgres_test

import (
	"errors"
	"testing"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/storage/postgres"
)

func lesson(vendor, key string, keys ...domain.VendorKey) domain.Lesson {
	return domain.Lesson{Vendor: vendor, Key: key, Keys: keys, Currency: "EUR",
		Anchors: map[domain.FieldName]domain.Anchor{domain.TotalAmount: {Label: "gesamt", Page: 1, Shape: "9,9"}}}
}

func known(t *testing.T, store *postgres.Store, workspace domain.WorkspaceID, keys ...domain.VendorKey) []domain.KnownVendor {
	t.Helper()
	vendors, err := store.KnownVendors(t.Context(), workspace, keys)
	if err != nil {
		t.Fatal(err)
	}
	return vendors
}

func TestWhatIsLearnedIsRecalledInItsWorkspaceAlone(t *testing.T) {
	store, _ := open(t)
	ours, theirs := newWorkspace(t, store, "Ours"), newWorkspace(t, store, "Theirs")
	first, second := newDocument(t, store, ours), newDocument(t, store, ours)
	account := domain.VendorKey{Kind: domain.KeyAccount, Value: "DE89370400440532013000"}
	sender := domain.VendorKey{Kind: domain.KeySender, Value: "kranich.example"}
	learn := func(id domain.DocumentID, l domain.Lesson, unchanged bool) {
		t.Helper()
		if err := store.Learn(t.Context(), ours, id, l, unchanged); err != nil {
			t.Fatal(err)
		}
	}
	learn(first, lesson("Kranich GmbH", "kranich", account, sender), false)
	vendors := known(t, store, ours, account, sender)
	if len(vendors) != 1 || vendors[0].Name != "Kranich GmbH" || vendors[0].Documents != 1 || len(vendors[0].Matched) != 2 || vendors[0].Lessons[0].Anchors[domain.TotalAmount].Label != "gesamt" {
		t.Fatalf("recalled %+v", vendors)
	}
	if leaked := known(t, store, theirs, account, sender); len(leaked) != 0 {
		t.Errorf("another workspace recalls %+v", leaked)
	}
	if err := store.Recalled(t.Context(), ours, second, vendors[0].ID); err != nil {
		t.Fatal(err)
	}
	learn(second, lesson("Kranich GmbH", "kranich", account), true)
	memory, err := store.Memory(t.Context(), ours, second)
	if err != nil || memory.Documents != 2 || memory.Right != 1 || memory.Wrong != 0 {
		t.Errorf("the memory is %+v, %v", memory, err)
	}
	if _, err := store.Memory(t.Context(), theirs, second); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("another workspace reads the memory: %v", err)
	}
	learn(second, lesson("Other AG", "other", sender), false) // it was corrected after all
	if memory, err = store.Memory(t.Context(), ours, first); err != nil || memory.Documents != 1 || memory.Right != 0 || memory.Wrong != 1 {
		t.Errorf("after a correction the memory is %+v, %v", memory, err)
	}
	if shared := known(t, store, ours, sender); len(shared) != 0 {
		t.Errorf("a key of two vendors recalls %+v", shared)
	}
}

func TestForgetRemovesEverythingLearned(t *testing.T) {
	store, _ := open(t)
	workspace := newWorkspace(t, store, "Ours")
	id := newDocument(t, store, workspace)
	key := domain.VendorKey{Kind: domain.KeyName, Value: "kranich"}
	if err := store.Learn(t.Context(), workspace, id, lesson("Kranich GmbH", "kranich", key), true); err != nil {
		t.Fatal(err)
	}
	if err := store.Forget(t.Context(), workspace, id, "maria@example.com"); err != nil {
		t.Fatal(err)
	}
	if vendors := known(t, store, workspace, key); len(vendors) != 0 {
		t.Errorf("still known: %+v", vendors)
	}
	if err := store.Forget(t.Context(), workspace, id, "maria@example.com"); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("forgetting nothing: %v", err)
	}
	_, events, err := store.Timeline(t.Context(), workspace, id)
	if err != nil || len(events) == 0 || events[0].Text != "Forgot what was learned about Kranich GmbH" {
		t.Errorf("the history says %+v, %v", events, err)
	}
	if err := store.Learn(t.Context(), workspace, id, lesson("Kranich GmbH", "kranich", key), true); err != nil {
		t.Fatal(err)
	}
	if err := store.Unlearn(t.Context(), workspace, id); err != nil {
		t.Fatal(err)
	}
	if vendors := known(t, store, workspace, key); len(vendors) != 0 {
		t.Errorf("unlearned, and still known: %+v", vendors)
	}
}
