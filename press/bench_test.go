package press

import (
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// A job with a child that is ready, as when a single document arrives.
func BenchmarkStandardizePDF(b *testing.B) {
	press, file, dir := newPress(b, nil), benchmarkPDF(b), b.TempDir()
	warm(b, func() error { _, err := press.Standardize(b.Context(), file, dir); return err }, press)
}

func BenchmarkStandardizePhoto(b *testing.B) {
	press, dir := newPress(b, nil), b.TempDir()
	photo := write(b, "in.jpg", encodedJPEG(b, corners(4000, 3000)))
	warm(b, func() error { _, err := press.Standardize(b.Context(), photo, dir); return err }, press)
}

func BenchmarkReadPDF(b *testing.B) {
	press, file := newPress(b, nil), benchmarkPDF(b)
	warm(b, func() error { _, err := press.Read(b.Context(), file); return err }, press)
}

func BenchmarkUnpack(b *testing.B) {
	press, dir := newPress(b, nil), b.TempDir()
	mail := write(b, "mail", sampleMail(attached("Content-Type: application/pdf; name=x.pdf", invoicePDF())))
	warm(b, func() error { _, err := press.Unpack(b.Context(), mail, dir); return err }, press)
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

// A job that has to start its child first, as when the idle ones are used up.
func BenchmarkChildStart(b *testing.B) {
	press := newPress(b, nil)
	for b.Loop() {
		started, err := press.start(true)
		if err != nil {
			b.Fatal(err)
		}
		if err := started.send(job{Task: taskPing}); err != nil {
			b.Fatal(err)
		}
		<-started.done
		if err := started.end(); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkPDF(b *testing.B) string {
	b.Helper()
	need(b, "qpdf")
	return write(b, "in.pdf", invoicePDF())
}

// warm measures work with all idle children ready.
func warm(b *testing.B, work func() error, press *Press) {
	b.Helper()
	if err := press.WarmCache(b.Context()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		b.StopTimer()
		for _, idle := range press.workers.idle {
			for len(idle) < cap(idle) {
				time.Sleep(5 * time.Millisecond)
			}
		}
		time.Sleep(150 * time.Millisecond) // an idle child is started, and then makes itself ready
		b.StartTimer()
		if err := work(); err != nil {
			b.Fatal(err)
		}
	}
}
