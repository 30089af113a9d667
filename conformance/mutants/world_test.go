package mutants

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// world is whatever an implementation talks to: submit_url, upstream, or the receiver of a sender.
type world struct {
	*httptest.Server
	mu    sync.Mutex
	calls []call
	// plans says what the calls that hold a mark get, in turn; the usual is 200.
	plans map[string][]reply
	news  chan struct{}
}

// call is one request that came.
type call struct {
	method, path string
	header       http.Header
	body         []byte
}

// reply is how one call is answered.
type reply struct {
	status int
	header string // "Name: value"
	hold   chan struct{}
	reset  bool
	body   string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{plans: map[string][]reply{}, news: make(chan struct{})}
	w.Server = httptest.NewServer(w)
	t.Cleanup(func() {
		w.CloseClientConnections()
		w.Close()
	})
	return w
}

// plan says how the first calls that hold a mark are answered.
func (w *world) plan(mark string, replies ...reply) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.plans[mark] = replies
}

// ServeHTTP writes a call down and answers as planned.
func (w *world) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	rep := w.note(call{r.Method, r.URL.RequestURI(), r.Header.Clone(), body})
	if rep.hold != nil {
		select {
		case <-rep.hold:
		case <-r.Context().Done():
			return
		}
	}
	if rep.reset {
		conn, _, _ := http.NewResponseController(out).Hijack()
		_ = conn.(*net.TCPConn).SetLinger(0)
		_ = conn.Close()
		return
	}
	if name, value, ok := strings.Cut(rep.header, ": "); ok {
		out.Header().Set(name, value)
	}
	out.WriteHeader(cmp.Or(rep.status, http.StatusOK))
	_, _ = io.WriteString(out, rep.body)
}

// note keeps a call and finds the reply that was planned for it.
func (w *world) note(c call) reply {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, c)
	close(w.news)
	w.news = make(chan struct{})
	for mark, replies := range w.plans {
		if c.holds(mark) && len(replies) > 0 {
			w.plans[mark] = replies[1:]
			return replies[0]
		}
	}
	return reply{status: http.StatusOK}
}

// holds reports whether a mark is in a call.
func (c call) holds(mark string) bool {
	return strings.Contains(c.path, mark) || bytes.Contains(c.body, []byte(mark))
}

// marked returns the calls that hold a mark.
func (w *world) marked(mark string) []call {
	w.mu.Lock()
	defer w.mu.Unlock()
	var marked []call
	for _, c := range w.calls {
		if c.holds(mark) {
			marked = append(marked, c)
		}
	}
	return marked
}

// await waits until n calls hold a mark, and says whether they came in time.
func (w *world) await(mark string, n int, wait time.Duration) bool {
	end := time.After(wait)
	for {
		w.mu.Lock()
		news := w.news
		w.mu.Unlock()
		if len(w.marked(mark)) >= n {
			return true
		}
		select {
		case <-news:
		case <-end:
			return false
		}
	}
}

// outsider sends what the scripts send. It keeps no connection, so that no test waits for another's.
var outsider = &http.Client{
	Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: passRedirect,
}

// ask sends a request and returns what an outsider sees of the answer.
func ask(method, url string, header http.Header, body io.Reader) (status int, h http.Header, text string) {
	r, err := http.NewRequest(method, url, body)
	if err != nil {
		return 0, nil, err.Error()
	}
	r.Header = header.Clone()
	if host := header.Get("Host"); host != "" {
		r.Host = host
	}
	answer, err := outsider.Do(r)
	if err != nil {
		return 0, http.Header{}, "no answer"
	}
	defer answer.Body.Close()
	read, _ := io.ReadAll(answer.Body)
	return answer.StatusCode, answer.Header, string(read)
}

// see writes values down.
func see(values ...any) string { return strings.TrimSuffix(fmt.Sprintln(values...), "\n") }
