package postgres_test

import (
	"errors"
	"regexp"
	"testing"
	"time"

	"github.com/docuflow/docuflow/domain"
)

func TestAddressesRotateWithAGracePeriod(t *testing.T) {
	store, admin := open(t)
	ctx := t.Context()
	workspace := newWorkspace(t, store, "Acme")
	first, err := store.Addresses(ctx, workspace)
	if err != nil || len(first) != 1 {
		t.Fatalf("%+v %v", first, err)
	}
	old := first[0].Address
	if err := store.RemoveAddress(ctx, workspace, old, "me"); !errors.Is(err, domain.ErrNotDue) {
		t.Errorf("the last one was removed: %v", err)
	}
	if err := store.LabelAddress(ctx, workspace, old, "Bills", "me"); err != nil {
		t.Fatal(err)
	}
	fresh, err := store.RotateAddress(ctx, workspace, old, time.Hour, "me")
	if err != nil || fresh.Label != "Bills" || fresh.Address == old || !regexp.MustCompile(`^acme-[a-z2-7]{8}@in\.example$`).MatchString(fresh.Address) {
		t.Fatalf("%+v %v", fresh, err)
	}
	if _, err := store.RotateAddress(ctx, workspace, old, time.Hour, "me"); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("rotated twice: %v", err)
	}
	list, err := store.Addresses(ctx, workspace)
	if err != nil || len(list) != 2 || list[0].Address != fresh.Address || list[1].RetiresAt.IsZero() {
		t.Fatalf("%+v %v", list, err)
	}
	for _, address := range []string{old, fresh.Address} {
		if found, err := store.Resolve(ctx, address); err != nil || found.Workspace != workspace {
			t.Errorf("%s within the grace period: %+v %v", address, found, err)
		}
	}
	sql(t, admin, "UPDATE addresses SET retires_at = now() - interval '1 second' WHERE address = $1", old)
	if _, err := store.Resolve(ctx, old); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("after the grace period: %v", err)
	}
	travel, err := store.NewAddress(ctx, workspace, "Travel", "In.Example", "me")
	if err != nil || travel.Label != "Travel" {
		t.Fatalf("%+v %v", travel, err)
	}
	if err := store.RemoveAddress(ctx, workspace, travel.Address, "me"); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Resolve(ctx, travel.Address); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("after it was removed: %v", err)
	}
	other := newWorkspace(t, store, "Other")
	if err := store.LabelAddress(ctx, other, fresh.Address, "Mine", "x"); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("another workspace: %v", err)
	}
	if _, err := store.RotateAddress(ctx, other, fresh.Address, 0, "x"); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("another workspace: %v", err)
	}
}

func TestTagsAreKept(t *testing.T) {
	store, _ := open(t)
	workspace := newWorkspace(t, store, "Acme")
	list, err := store.Addresses(t.Context(), workspace)
	if err != nil {
		t.Fatal(err)
	}
	for tag, want := range map[string]string{"+Travel": "travel", "+büro-bedarf": "büro-bedarf", "": "", "+": "", "+a b": "", "+<x>": "", "+a+b": ""} {
		address := list[0].Address[:len("acme-xxxxxxxx")] + tag + "@in.example"
		if found, err := store.Resolve(t.Context(), address); err != nil || found.Tag != want || found.Address != list[0].Address {
			t.Errorf("%s: %+v %v", address, found, err)
		}
	}
}
