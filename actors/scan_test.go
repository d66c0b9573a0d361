package actors_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/docuflow/docuflow/actors"
	"github.com/docuflow/docuflow/domain"
)

// scans lets a scan through each time the test says so.
type scans struct {
	actors.Queue
	step chan struct{}
}

func (s scans) DueWorkspaces(ctx context.Context) ([]domain.WorkspaceID, error) {
	select {
	case <-s.step:
		return s.Queue.DueWorkspaces(ctx)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// With kicks switched off, one scan finds everything that a crash, a lost kick
// or a wait has left, whatever it is: a mail, a document, the work of a dead node, a retry
// that has become due, a part of a large workspace. Without a scan nothing moves.
func TestScanIsTheOnlyWayBackAndEnough(t *testing.T) {
	f := newFixture(t, stage{"one", func(_ context.Context, d domain.Document) (domain.Outcome, error) {
		if d.Attempt == 1 && d.FileName == "retry.pdf" {
			return domain.Outcome{}, domain.Temporary("flaky", "It did not work.", errors.New("once"))
		}
		return domain.Outcome{}, nil
	}})
	policy := &f.config.Steps[0].Policy
	policy.Base, policy.Cap = 50*time.Millisecond, 50*time.Millisecond
	queue := scans{f.store, make(chan struct{})}
	f.config.Queue, f.config.ScanEvery = queue, time.Millisecond
	f.config.Unpack = unpacker{run: func(context.Context, domain.Mail) (domain.Unpacked, error) { return domain.Unpacked{}, nil }}

	queued, dead := f.newDocument(), f.newDocument()
	if _, _, err := f.store.Claim(t.Context(), f.workspace, dead, "dead", -time.Second); err != nil {
		t.Fatal(err)
	}
	retry := f.newDocument()
	f.sql("UPDATE documents SET file_name = 'retry.pdf' WHERE id = $1", retry)
	mail := domain.Mail{ID: domain.MailID(uuid.NewString()), Workspace: f.workspace}
	if err := f.store.AddMail(t.Context(), mail); err != nil {
		t.Fatal(err)
	}
	large := f.newWorkspace("large")
	f.sql("UPDATE workspaces SET plan = 'PRO' WHERE id = $1", large)
	for range 20 { // enough for both shards
		f.newDocumentIn(large)
	}
	f.start()
	if attempts := f.attempts(queued); len(attempts) != 0 {
		t.Fatalf("without a scan and a kick: %q", attempts)
	}

	queue.step <- struct{}{}
	f.await(queued, is(domain.Completed))
	f.await(dead, is(domain.Completed))
	f.until("the mail is unpacked", func() bool {
		m, err := f.store.Mail(t.Context(), f.workspace, mail.ID)
		return err == nil && m.Status == domain.MailUnpacked
	})
	f.until("the large workspace is done", func() bool {
		balance, err := f.store.Balance(t.Context(), large)
		return err == nil && balance.Done == 20
	})
	f.until("the retry has been found", func() bool {
		select {
		case queue.step <- struct{}{}:
		default:
		}
		d, err := f.store.Document(t.Context(), f.workspace, retry)
		return err == nil && d.Status == domain.Completed
	})
	expect(t, f.attempts(retry), "one 1 retry", "one 2 done")
}
