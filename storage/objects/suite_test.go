package objects_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/storage/objects"
)

// store is what the rest of the program asks of object storage.
type store interface {
	Put(ctx context.Context, key domain.ObjectKey, r io.Reader) error
	Open(ctx context.Context, key domain.ObjectKey) (io.ReadCloser, error)
	Delete(ctx context.Context, key domain.ObjectKey) error
	Check(ctx context.Context) error
}

const workspace = "0192f3a4-5b6c-7d8e-9fa0-b1c2d3e4f506"

func key(name string) domain.ObjectKey { return domain.ObjectKey(workspace + "/" + name) }

// testContract holds a store to what the package promises.
func testContract(t *testing.T, s store) {
	t.Run("round trip", func(t *testing.T) { testRoundTrip(t, s) })
	t.Run("same bytes again", func(t *testing.T) { testSameBytesAgain(t, s) })
	t.Run("not found", func(t *testing.T) { testNotFound(t, s) })
	t.Run("failing source", func(t *testing.T) { testFailingSource(t, s) })
	t.Run("cancelled", func(t *testing.T) { testCancelled(t, s) })
	t.Run("concurrent puts of one key", func(t *testing.T) { testConcurrentPuts(t, s) })
	t.Run("big object", func(t *testing.T) { testBigObject(t, s) })
	t.Run("odd keys", func(t *testing.T) { testOddKeys(t, s) })
	t.Run("delete", func(t *testing.T) { testDelete(t, s) })
	t.Run("check", func(t *testing.T) {
		if err := s.Check(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// Sizes on both sides of a write buffer and of an S3 part.
var sizes = []int{0, 1, 256<<10 - 1, 256 << 10, 5<<20 - 1, 5 << 20, 5<<20 + 1, 10 << 20}

func testRoundTrip(t *testing.T, s store) {
	for _, size := range sizes {
		name := key(fmt.Sprintf("round-trip/%d.bin", size))
		want := noise(uint64(size), size)
		if err := s.Put(t.Context(), name, bytes.NewReader(want)); err != nil {
			t.Fatalf("put %d octets: %v", size, err)
		}
		if got := read(t, s, name); !bytes.Equal(got, want) {
			t.Errorf("%d octets came back as %d other ones", size, len(got))
		}
	}
}

func testSameBytesAgain(t *testing.T, s store) {
	name := key("again.pdf")
	for range 3 {
		if err := s.Put(t.Context(), name, strings.NewReader("the same bytes")); err != nil {
			t.Fatal(err)
		}
		if got := read(t, s, name); string(got) != "the same bytes" {
			t.Errorf("got %q", got)
		}
	}
}

func testNotFound(t *testing.T, s store) {
	if err := s.Put(t.Context(), key("found/file"), strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"nothing", "no/such/folder", "found", "found/file/below"} {
		if _, err := s.Open(t.Context(), key(name)); !errors.Is(err, domain.ErrNotFound) {
			t.Errorf("open %s: %v, want not found", name, err)
		}
	}
}

func testFailingSource(t *testing.T, s store) {
	cause := errors.New("the sender went away")
	// io.ErrUnexpectedEOF is what a cut connection looks like, and what
	// careless copying takes for the end.
	for i, cause := range []error{cause, io.ErrUnexpectedEOF} {
		for _, size := range []int{0, 1000, 5 << 20, 7 << 20} {
			name := key(fmt.Sprintf("failing/%d-%d", i, size))
			source := io.MultiReader(bytes.NewReader(noise(1, size)), failing{cause})
			if err := s.Put(t.Context(), name, source); !errors.Is(err, cause) {
				t.Errorf("put of a source that fails after %d octets: %v, want %v", size, err, cause)
			} else if domain.AsFailure(err).Kind == domain.KindStorage {
				t.Errorf("the source's failure is blamed on the storage: %v", err)
			}
			wantNothing(t, s, name)
		}
	}
}

func testCancelled(t *testing.T, s store) {
	for _, size := range []int{1000, 7 << 20} {
		name := key(fmt.Sprintf("cancelled/%d", size))
		ctx, cancel := context.WithCancel(t.Context())
		source := io.MultiReader(bytes.NewReader(noise(1, size)), calling(cancel), bytes.NewReader(noise(2, size)))
		if err := s.Put(ctx, name, source); !errors.Is(err, context.Canceled) {
			t.Errorf("put of %d octets, cancelled midway: %v, want %v", size, err, context.Canceled)
		}
		wantNothing(t, s, name)
		if _, err := s.Open(ctx, name); !errors.Is(err, context.Canceled) {
			t.Errorf("open, cancelled: %v, want %v", err, context.Canceled)
		}
	}
}

func testConcurrentPuts(t *testing.T, s store) {
	for _, size := range []int{50 << 10, 6 << 20} {
		name, want := key(fmt.Sprintf("concurrent/%d", size)), noise(7, size)
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				if err := s.Put(t.Context(), name, bytes.NewReader(want)); err != nil {
					t.Errorf("put of %d octets: %v", size, err)
				}
			})
		}
		group.Wait()
		if got := read(t, s, name); !bytes.Equal(got, want) {
			t.Errorf("%d octets came back as %d other ones", size, len(got))
		}
	}
}

func testBigObject(t *testing.T, s store) {
	const size, bound = 60 << 20, 16 << 20
	sent, got := sha256.New(), sha256.New()
	peak := heapPeak()
	source := io.TeeReader(io.LimitReader(rand.NewChaCha8([32]byte{1}), size), io.MultiWriter(sent, peak))
	if err := s.Put(t.Context(), key("big.mail"), source); err != nil {
		t.Fatal(err)
	}
	object, err := s.Open(t.Context(), key("big.mail"))
	if err != nil {
		t.Fatal(err)
	}
	defer object.Close()
	if n, err := io.Copy(io.MultiWriter(got, peak), object); err != nil || n != size {
		t.Fatalf("read %d of %d octets: %v", n, size, err)
	}
	if !equal(sent, got) {
		t.Error("other bytes came back")
	}
	if peak.above > bound {
		t.Errorf("a %d MB object took %.1f MB of heap", size>>20, float64(peak.above)/(1<<20))
	}
	t.Logf("a %d MB object took %.1f MB of heap", size>>20, float64(peak.above)/(1<<20))
}

func testOddKeys(t *testing.T, s store) {
	odd := []domain.ObjectKey{
		"", "/", ".", "..", workspace, workspace + "/", "/" + workspace + "/a", "../" + workspace + "/a",
		key("../a"), key("a/../../b"), key("a/./b"), key("a//b"), key("a/"), key(".hidden"), key("a/.."),
		key("Upper"), key("sp ace"), key("new\nline"), key("nul\x00"), key(`back\slash`), key("per%2ecent"),
		key("umläut"), key("a_b"), key(strings.Repeat("x", 200)), key(strings.Repeat("x/", 300) + "x"),
		"not-a-workspace/a", "0192F3A4-5B6C-7D8E-9FA0-B1C2D3E4F506/a", ".incoming/a", "-192f3a4-5b6c-7d8e-9fa0-b1c2d3e4f506/a",
	}
	for _, name := range odd {
		if err := s.Put(t.Context(), name, failing{errors.New("was read")}); !errors.Is(err, objects.ErrKey) {
			t.Errorf("put %.60q: %v, want %v", name, err, objects.ErrKey)
		} else if !domain.AsFailure(err).Permanent {
			t.Errorf("put %.60q: another attempt cannot help, but the error is temporary", name)
		}
		if _, err := s.Open(t.Context(), name); !errors.Is(err, objects.ErrKey) {
			t.Errorf("open %.60q: %v, want %v", name, err, objects.ErrKey)
		}
		if err := s.Delete(t.Context(), name); !errors.Is(err, objects.ErrKey) {
			t.Errorf("delete %.60q: %v, want %v", name, err, objects.ErrKey)
		}
	}
	for _, name := range []string{"a", "a.pdf", "a..b", "0/1/2/3.json", "raw/" + strings.Repeat("f", 64)} {
		if err := s.Put(t.Context(), key(name), strings.NewReader("x")); err != nil {
			t.Errorf("put %q: %v", name, err)
		}
	}
}

func testDelete(t *testing.T, s store) {
	name := key("delete/me")
	if err := s.Put(t.Context(), name, strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second one finds nothing, which is fine
		if err := s.Delete(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		wantNothing(t, s, name)
	}
	if err := s.Put(t.Context(), name, strings.NewReader("y")); err != nil {
		t.Fatal(err)
	}
	if got := read(t, s, name); string(got) != "y" {
		t.Errorf("after delete and put: %q", got)
	}
}

func read(t *testing.T, s store, name domain.ObjectKey) []byte {
	t.Helper()
	object, err := s.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer object.Close()
	content, err := io.ReadAll(object)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func wantNothing(t *testing.T, s store, name domain.ObjectKey) {
	t.Helper()
	if _, err := s.Open(context.WithoutCancel(t.Context()), name); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("%s is there: %v", name, err)
	}
}

func noise(seed uint64, size int) []byte {
	b := make([]byte, size)
	rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)}).Read(b)
	return b
}

func equal(a, b hash.Hash) bool { return bytes.Equal(a.Sum(nil), b.Sum(nil)) }

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// calling is an empty source that calls a function when it is read.
type calling func()

func (c calling) Read([]byte) (int, error) { c(); return 0, io.EOF }

// peakMeter measures the live heap each time some megabytes pass through it.
type peakMeter struct{ idle, above, passed uint64 }

func heapPeak() *peakMeter {
	p := &peakMeter{}
	p.idle = heap()
	return p
}

func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func (p *peakMeter) Write(b []byte) (int, error) {
	const every = 4 << 20
	before := p.passed / every
	if p.passed += uint64(len(b)); p.passed/every > before {
		if now := heap(); now > p.idle {
			p.above = max(p.above, now-p.idle)
		}
	}
	return len(b), nil
}
