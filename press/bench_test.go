package press

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/docuflow/docuflow/domain"
)

// A job with a child that is ready, as when a single document arrives.
func BenchmarkStandardizePDF(b *testing.B) {
	press, file, dir := newPress(b, nil), benchmarkPDF(b), b.TempDir()
	warm(b, func() error { _, err := press.Standardize(b.Context(), someone, file, dir); return err }, press)
}

func BenchmarkStandardizePhoto(b *testing.B) {
	press, dir := newPress(b, nil), b.TempDir()
	photo := write(b, "in.jpg", encodedJPEG(b, corners(4000, 3000)))
	warm(b, func() error { _, err := press.Standardize(b.Context(), someone, photo, dir); return err }, press)
}

func BenchmarkReadPDF(b *testing.B) {
	press, file := newPress(b, nil), benchmarkPDF(b)
	warm(b, func() error { _, err := press.Read(b.Context(), someone, file); return err }, press)
}

func BenchmarkUnpack(b *testing.B) {
	press, dir := newPress(b, nil), b.TempDir()
	mail := write(b, "mail", sampleMail(attached("Content-Type: application/pdf; name=x.pdf", invoicePDF())))
	warm(b, func() error { _, err := press.Unpack(b.Context(), someone, mail, dir); return err }, press)
}

// What BenchmarkStandardizePDF is to be compared with.
func BenchmarkQPDFAlone(b *testing.B) {
	file, output := benchmarkPDF(b), filepath.Join(b.TempDir(), "out.pdf")
	for b.Loop() {
		if err := exec.Command("qpdf", "--linearize", "--object-streams=generate", file, output).Run(); err != nil {
			b.Fatal(err)
		}
	}
}

// A child from its start to its end with one job, as for the first document of a workspace.
func BenchmarkChildStart(b *testing.B) {
	press := newPress(b, nil)
	for b.Loop() {
		if err := press.WarmCache(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// Everything the press does for a mail with one invoice, on two processors: of
// one workspace, and of so many that no child is used twice.
func BenchmarkDocuments(b *testing.B) {
	for name, workspaces := range map[string]int64{"one workspace": 1, "many workspaces": 1 << 40} {
		b.Run(name, func(b *testing.B) { measureDocuments(b, workspaces) })
	}
}

func measureDocuments(b *testing.B, workspaces int64) {
	press := newPress(b, func(c *Config) { c.Jobs = 2 })
	mail := write(b, "mail", sampleMail(attached("Content-Type: application/pdf; name=x.pdf", invoicePDF())))
	file := benchmarkPDF(b)
	if err := press.WarmCache(b.Context()); err != nil {
		b.Fatal(err)
	}
	var begun atomic.Int64
	var busy sync.WaitGroup
	b.ResetTimer()
	for range 2 {
		dir := b.TempDir()
		busy.Go(func() {
			for number := begun.Add(1); number <= int64(b.N); number = begun.Add(1) {
				whose := domain.WorkspaceID(strconv.FormatInt(number%workspaces, 10))
				_, unpacked := press.Unpack(b.Context(), whose, mail, dir)
				_, standardized := press.Standardize(b.Context(), whose, file, dir)
				_, read := press.Read(b.Context(), whose, file)
				if err := errors.Join(unpacked, standardized, read); err != nil {
					b.Error(err)
				}
			}
		})
	}
	busy.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "documents/s")
}

func benchmarkPDF(b *testing.B) string {
	b.Helper()
	need(b, "qpdf")
	return write(b, "in.pdf", invoicePDF())
}

// warm measures work with a child that is ready.
func warm(b *testing.B, work func() error, press *Press) {
	b.Helper()
	if err := errors.Join(press.WarmCache(b.Context()), work()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := work(); err != nil {
			b.Fatal(err)
		}
	}
}
