package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"sync"
	"time"
)

// sink is where a delivery's effect is seen: the submit_url of a receiver's tool calls, or the upstream of a gate. An
// arrival belongs to an effect when its body holds one of the effect's marks, so that even a mangled or partial body
// is recognised.
type sink struct {
	server *http.Server
	addr   string
	// usual is the status that arrivals get when nothing else was planned.
	usual int

	mu      sync.Mutex
	effects []*effect
}

// effect is everything that arrived because of one delivery.
type effect struct {
	marks [][]byte
	// path makes every request to it belong to the effect, whatever its body holds. Empty: the marks decide.
	path string
	// rest is what arrivals beyond the plan get. Nil: the sink's usual status.
	rest *reply

	mu       sync.Mutex
	arrivals []*arrival
	plan     []reply
	news     chan struct{}
}

// arrival is one request that reached the sink.
type arrival struct {
	at     time.Time
	method string
	path   string
	header http.Header
	body   []byte
	// abandoned is closed when the peer gave up before it was answered.
	abandoned chan struct{}
}

// reply says what one arrival gets.
type reply struct {
	status int
	// hold delays the answer until it is closed. Nil: no delay.
	hold <-chan struct{}
	// reset closes the connection instead of answering.
	reset bool
	// header is added to the answer.
	header http.Header
	// body of the answer.
	body string
}

// newSink starts a sink.
func newSink(ctx context.Context, listen string, usual int) (*sink, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", listen)
	if err != nil {
		return nil, fmt.Errorf("listening for what the target sends on %s: %w", listen, err)
	}
	s := &sink{addr: l.Addr().String(), usual: usual}
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.server.Serve(l) }() // ends with ErrServerClosed, which says nothing
	return s, nil
}

// close stops the sink and drops its connections.
func (s *sink) close() { s.server.Close() }

// watch begins to look for a delivery's effect. The plan says what the first arrivals get; later ones get the usual.
func (s *sink) watch(plan []reply, marks ...string) *effect {
	e := &effect{plan: plan, news: make(chan struct{})}
	for _, m := range marks {
		if m != "" {
			e.marks = append(e.marks, []byte(m))
		}
	}
	s.mu.Lock()
	s.effects = append(s.effects, e)
	s.mu.Unlock()
	return e
}

// watchPath begins to look at everything that arrives at a path.
func (s *sink) watchPath(path string, rest *reply, plan []reply) *effect {
	e := &effect{path: path, rest: rest, plan: plan, news: make(chan struct{})}
	s.mu.Lock()
	s.effects = append(s.effects, e)
	s.mu.Unlock()
	return e
}

// relent lets everything that arrives from now on succeed.
func (s *sink) relent() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.effects {
		e.mu.Lock()
		e.rest, e.plan = &ok, nil
		e.mu.Unlock()
	}
}

// find returns the effect that a request belongs to, or nil.
func (s *sink) find(path string, body []byte) *effect {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.effects {
		if e.path != "" && e.path == path {
			return e
		}
		for _, m := range e.marks {
			if bytes.Contains(body, m) {
				return e
			}
		}
	}
	return nil
}

// ServeHTTP records an arrival and answers as planned.
func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 64<<20))
	a := &arrival{time.Now(), r.Method, r.URL.RequestURI(), r.Header.Clone(), body, make(chan struct{})}
	rep := reply{status: s.usual}
	if e := s.find(r.URL.Path, body); e != nil {
		rep = e.record(a, rep)
	}
	if rep.hold != nil {
		select {
		case <-rep.hold:
		case <-r.Context().Done():
			close(a.abandoned)
			return
		}
	}
	rep.write(w)
}

// write carries a reply out.
func (rep reply) write(w http.ResponseWriter) {
	if rep.reset {
		hangUp(w)
		return
	}
	maps.Copy(w.Header(), rep.header)
	w.WriteHeader(rep.status)
	if rep.body != "" {
		_, _ = io.WriteString(w, rep.body) // the peer has gone; nobody is left to tell
	}
}

// hangUp closes the connection with a reset.
func hangUp(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // it fails on a connection that has ended already
	}
	conn.Close()
}

// record keeps an arrival and returns the reply that is planned for it.
func (e *effect) record(a *arrival, usual reply) reply {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := len(e.arrivals)
	e.arrivals = append(e.arrivals, a)
	close(e.news)
	e.news = make(chan struct{})
	if n < len(e.plan) {
		return e.plan[n]
	}
	if e.rest != nil {
		return *e.rest
	}
	return usual
}

// seen returns the arrivals so far.
func (e *effect) seen() []*arrival {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]*arrival(nil), e.arrivals...)
}

// errPatience is the cause of a context that ended because nothing came.
var errPatience = errors.New("nothing came in time")

// await returns when at least n arrivals were seen, or with the context's cause.
func (e *effect) await(ctx context.Context, n int) error {
	for {
		e.mu.Lock()
		count, news := len(e.arrivals), e.news
		e.mu.Unlock()
		if count >= n {
			return nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
