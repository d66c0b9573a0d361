package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/docuflow/docuflow/domain"
)

// ledger is what was found after everything came to rest.
type ledger struct {
	mails       int // answered 250
	expected    int // documents in them
	found       int // of those: completed, and filed at both destinations
	missing     []string
	double      []string // documents, files or uploads that are there more than once, or that nobody sent
	failed      []string
	watched     []string // ids of completed documents in the watched workspace
	again       int      // stages that were begun again after an attempt was lost
	retried     int      // attempts that failed and were repeated
	longest     time.Duration
	bounced     []string
	slowestMail time.Duration
}

// rests says that no mail and no document waits for anything.
func (c *chaos) rests() bool {
	if c.database.server == nil {
		return false
	}
	conn, err := pgx.Connect(c.t.Context(), c.database.admin())
	if err != nil {
		return false
	}
	defer conn.Close(context.Background())
	var busy int
	err = conn.QueryRow(c.t.Context(), `SELECT (SELECT count(*) FROM mails WHERE status = 'ACCEPTED')
		+ (SELECT count(*) FROM documents WHERE status NOT IN ('COMPLETED', 'FAILED'))`).Scan(&busy)
	return err == nil && busy == 0
}

// found is a document as the database has it.
type found struct {
	workspace                               domain.WorkspaceID
	id, status, stage, sha256, standardized string
	problem                                 *string
	deliveries                              int
	took                                    time.Duration // since its mail was accepted
}

func (c *chaos) audit(sender *mta) *ledger {
	c.t.Helper()
	l := &ledger{}
	var owed []wanted
	l.mails, owed, l.bounced, l.slowestMail = sender.counts()
	l.expected = len(owed)
	conn, err := pgx.Connect(c.t.Context(), c.database.admin())
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.Close(context.Background())
	documents := c.readDocuments(conn)
	err = conn.QueryRow(c.t.Context(), `SELECT
		(SELECT count(*) FROM (SELECT FROM attempts WHERE outcome IN ('done', 'skipped', 'lost') AND note <> 'The node stopped.'
			GROUP BY coalesce(document_id, mail_id), stage HAVING count(*) > 1) twice),
		(SELECT count(*) FROM attempts WHERE outcome = 'retry')`).Scan(&l.again, &l.retried)
	if err != nil {
		c.t.Fatal(err)
	}
	l.compare(documents, owed, c.watched)
	l.compareFiled(filedFiles(c), c.drive.kept(), documents, owed)
	return l
}

func (c *chaos) readDocuments(conn *pgx.Conn) []found {
	c.t.Helper()
	rows, err := conn.Query(c.t.Context(), `
		SELECT d.workspace_id::text, d.id::text, d.status, d.stage, d.sha256, d.standardized_key, d.error->>'message',
			(SELECT count(*) FROM deliveries x WHERE x.document_id = d.id AND x.delivered_at IS NOT NULL)::int,
			coalesce(d.completed_at, clock_timestamp()) - m.received_at
		FROM documents d JOIN mails m ON m.id = d.mail_id`)
	if err != nil {
		c.t.Fatal(err)
	}
	documents, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (f found, err error) {
		return f, row.Scan(&f.workspace, &f.id, &f.status, &f.stage, &f.sha256, &f.standardized, &f.problem, &f.deliveries, &f.took)
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return documents
}

// compare holds the documents against what was sent.
func (l *ledger) compare(documents []found, owed []wanted, watched domain.WorkspaceID) {
	bySum := map[string]int{}
	for _, d := range documents {
		bySum[d.sha256]++
		l.longest = max(l.longest, d.took)
		if d.status != "COMPLETED" {
			problem := ""
			if d.problem != nil {
				problem = *d.problem
			}
			l.failed = append(l.failed, fmt.Sprintf("document %s is %s in %s: %s", d.id, d.status, d.stage, problem))
			continue
		}
		if d.workspace == watched {
			l.watched = append(l.watched, d.id)
		}
		if d.deliveries != 2 {
			l.missing = append(l.missing, fmt.Sprintf("document %s has %d deliveries", d.id, d.deliveries))
		}
	}
	for _, w := range owed {
		switch n := bySum[w.sha256]; {
		case n == 0:
			l.missing = append(l.missing, "document with content "+w.sha256[:12]+" "+w.number)
		case n > 1:
			l.double = append(l.double, fmt.Sprintf("document %s is there %d times", w.number, n))
		}
		delete(bySum, w.sha256)
	}
	for sum := range bySum {
		l.double = append(l.double, "nobody was told 250 for all of document "+sum[:12])
	}
}

var numberInName = regexp.MustCompile(`C-\d{5}`)

// compareFiled holds the destinations against what was sent: by the number
// that is printed on an invoice and stands in its file's name, and by content.
func (l *ledger) compareFiled(folder map[string]string, drive map[string]int, documents []found, owed []wanted) {
	byNumber, byContent := map[string]int{}, map[string]int{}
	for name, sum := range folder {
		byContent[sum]++
		if number := numberInName.FindString(name); number != "" {
			byNumber[number]++
		}
	}
	for _, w := range owed {
		if w.number == "" {
			continue
		}
		if n := byNumber[w.number]; n == 0 {
			l.missing = append(l.missing, w.number+" is not in the folder")
		} else if n > 1 {
			l.double = append(l.double, fmt.Sprintf("%s is %d times in the folder", w.number, n))
		}
	}
	for _, d := range documents {
		if d.status != "COMPLETED" {
			continue
		}
		sum := path.Base(d.standardized) // contents are named by their SHA-256
		l.once("the folder", d.id, byContent[sum])
		l.once("the drive-like service", d.id, drive[sum])
		if byContent[sum] == 1 && drive[sum] == 1 {
			l.found++
		}
	}
	if len(folder) > len(documents) {
		l.double = append(l.double, fmt.Sprintf("%d files for %d documents", len(folder), len(documents)))
	}
}

func (l *ledger) once(where, id string, times int) {
	if times == 0 {
		l.missing = append(l.missing, fmt.Sprintf("document %s is not at %s", id, where))
	}
	if times > 1 {
		l.double = append(l.double, fmt.Sprintf("document %s is %d times at %s", id, times, where))
	}
}

// filedFiles reads the folder: the SHA-256 of each file by its name.
func filedFiles(c *chaos) map[string]string {
	c.t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(filepath.Join(c.dir, "filed"), func(name string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(entry.Name(), ".docuflow-") {
			return err
		}
		content, err := os.ReadFile(name)
		sum := sha256.Sum256(content)
		files[name] = hex.EncodeToString(sum[:])
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return files
}

func (l *ledger) table(c *chaos, sender *mta, w *watcher, took time.Duration) string {
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	row := func(what string, value any) { fmt.Fprintf(table, "%s\t%v\n", what, value) }
	median, most, worst := w.lag()
	row("time", took.Round(time.Second))
	row("mails answered 250", l.mails)
	row("documents expected", l.expected)
	row("documents found", l.found)
	row("missing", len(l.missing))
	row("filed twice", len(l.double))
	row("failed for good", len(l.failed))
	row("stages run twice", l.again)
	row("attempts retried", l.retried)
	row("uploads repeated with a used id", fmt.Sprintf("%d of %d (%d refused, %d answers lost on purpose)", c.drive.repeated, c.drive.uploads, c.drive.refused, c.drive.lost))
	row("longest time a document waited", l.longest.Round(100*time.Millisecond))
	row("longest time until a 250", l.slowestMail.Round(100*time.Millisecond))
	row("mail client met", c.tally.sums("mail"))
	row("  mails put off, by phase", c.tally.where("mail", "250"))
	row("browser met, pages", c.tally.sums("pages"))
	row("  pages that failed, by phase", c.tally.where("pages", "200"))
	row("browser met, live events", c.tally.sums("events"))
	row("completion seen live after", fmt.Sprintf("%v median, %v p99, %v at most", median.Round(time.Millisecond), most.Round(time.Millisecond), worst.Round(time.Millisecond)))
	table.Flush()
	return text.String()
}

// judge fails the test for what must never happen.
func (l *ledger) judge(c *chaos) {
	c.t.Helper()
	for what, list := range map[string][]string{"missing": l.missing, "filed twice": l.double, "failed": l.failed, "bounced": l.bounced} {
		for i, item := range list {
			if i == 10 {
				c.t.Errorf("%s: and %d more", what, len(list)-i)
				break
			}
			c.t.Errorf("%s: %s", what, item)
		}
	}
	if l.mails == 0 || l.found != l.expected {
		c.t.Errorf("%d of %d documents were found", l.found, l.expected)
	}
	if n := c.tally.count("pages", "rolling restart", "200"); n > 0 {
		c.t.Errorf("%d pages failed during the rolling restart", n)
	}
	for _, n := range c.nodes() {
		for _, trouble := range n.complaints() {
			c.t.Error(trouble)
		}
	}
}
