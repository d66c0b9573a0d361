package web

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// fanout is a crowd of connections that wait for events. Each receives the same
// ones; arrived counts.
type fanout struct {
	conns   []net.Conn
	arrived sync.WaitGroup
	reading sync.WaitGroup
}

// watch opens n streams of a server and returns when each has read its first
// event.
func watch(b *testing.B, addr, request, first, each string, n int) *fanout {
	b.Helper()
	f := &fanout{}
	f.arrived.Add(n)
	for range n {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			b.Fatalf("after %d connections: %v", len(f.conns), err)
		}
		f.conns = append(f.conns, conn)
		if _, err := conn.Write([]byte(request)); err != nil {
			b.Fatal(err)
		}
		f.reading.Go(func() { f.read(conn, first, each) })
	}
	f.arrived.Wait()
	return f
}

// read marks the first event, and then each one that is waited for.
func (f *fanout) read(conn net.Conn, first, each string) {
	lines, wanted := bufio.NewReaderSize(conn, 512), []byte(first)
	for {
		line, err := lines.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull { //nolint:errorlint // of this reader, unwrapped
			return
		}
		if bytes.HasPrefix(line, wanted) {
			wanted = []byte(each)
			f.arrived.Done()
		}
	}
}

// last is how long it takes until something has arrived everywhere.
func (f *fanout) last(happen func()) time.Duration {
	f.arrived.Add(len(f.conns))
	begun := time.Now()
	happen()
	f.arrived.Wait()
	return time.Since(begun)
}

func (f *fanout) close() {
	for _, conn := range f.conns {
		conn.Close()
	}
	f.reading.Wait()
}

// bareServer is as little as a fan-out needs: a channel for each stream.
type bareServer struct {
	mu      sync.Mutex
	streams map[chan []byte]struct{}
}

func (s *bareServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	events := make(chan []byte, 1)
	s.mu.Lock()
	s.streams[events] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.streams, events)
		s.mu.Unlock()
	}()
	out := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprint(w, "event: state\n\n")
	for out.Flush() == nil {
		select {
		case event := <-events:
			_, _ = w.Write(event)
		case <-r.Context().Done():
			return
		}
	}
}

func (s *bareServer) send(event []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for events := range s.streams {
		events <- event
	}
}

// held is the memory in use, after everything that can be freed has been.
func held() uint64 {
	runtime.GC()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// BenchmarkFanout measures how long after a change the last of many watchers
// of one workspace has its event, against a server that does nothing else and sends as many
// bytes, and what a watcher holds in memory, its client here not counted.
func BenchmarkFanout(b *testing.B) {
	for _, n := range []int{1000, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			const rounds = 15
			var ours, bare []time.Duration
			var memory, plainMemory uint64
			for b.Loop() {
				event, times, each := fanOutOurs(b, n, rounds)
				ours, memory = append(ours, times...), each
				times, each = fanOutBare(b, n, rounds, event)
				bare, plainMemory = append(bare, times...), each
			}
			slices.Sort(ours)
			slices.Sort(bare)
			typical, plain := ours[len(ours)/2], bare[len(bare)/2]
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(typical.Microseconds())/1000, "ms-last")
			b.ReportMetric(float64(typical)/float64(plain), "x-bare")
			b.ReportMetric(float64(memory)/1024, "KB/watcher")
			b.ReportMetric(float64(plainMemory)/1024, "KB/bare")
		})
	}
}

func fanOutOurs(b *testing.B, n, rounds int) (event []byte, times []time.Duration, memory uint64) {
	b.Helper()
	s := newSite(b)
	seed(s.memory)
	watched := s.put(document("Acme"))
	clients := clientMemory(b, n)
	before := held()
	request := "GET /events HTTP/1.1\r\nHost: x\r\nCookie: " + s.cookie() + "\r\n\r\n"
	crowd := watch(b, s.web.Listener.Addr().String(), request, "event: state", "id: ", n)
	defer crowd.close()
	tape := openTape(b, s)
	memory = (held() - before - clients) / uint64(n)
	for range rounds {
		time.Sleep(2 * frameGap) // the workspace is quiet: the next change is a frame of its own
		times = append(times, crowd.last(func() { s.put(watched) }))
	}
	return tape(), times, memory
}

// openTape records one more stream, and returns the last event on it.
func openTape(b *testing.B, s *site) func() []byte {
	b.Helper()
	tp := &tape{header: http.Header{}}
	r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/events", nil)
	r.Header.Set("Cookie", s.cookie())
	go s.server.ServeHTTP(tp, r)
	return func() []byte {
		text := strings.TrimSuffix(tp.cut(), "\n\n")
		at := strings.LastIndex(text, "\n\n")
		if at < 0 {
			b.Fatal("no event")
		}
		return []byte(text[at+2:] + "\n\n")
	}
}

func fanOutBare(b *testing.B, n, rounds int, event []byte) (times []time.Duration, memory uint64) {
	b.Helper()
	clients := clientMemory(b, n)
	before := held()
	s := &bareServer{streams: map[chan []byte]struct{}{}}
	server := httptest.NewServer(s)
	defer server.Close()
	crowd := watch(b, server.Listener.Addr().String(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "event: state", "id: ", n)
	defer crowd.close()
	memory = (held() - before - clients) / uint64(n)
	for range rounds {
		time.Sleep(2 * frameGap)
		times = append(times, crowd.last(func() { s.send(event) }))
	}
	return times, memory
}

// clientMemory is what the watching side of n connections holds.
func clientMemory(b *testing.B, n int) uint64 {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			defer conn.Close() // all at the end, when the listener closes
			if _, err := conn.Write([]byte("event: state\n")); err != nil {
				return
			}
		}
	}()
	before := held()
	crowd := watch(b, listener.Addr().String(), "GET / HTTP/1.1\r\n\r\n", "event: state", "id: ", n)
	defer crowd.close()
	return held() - before
}
