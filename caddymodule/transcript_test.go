package caddymodule_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

func init() { caddy.RegisterModule(new(transcriptWriter)) }

// transcript holds all that any test has had out of Caddy: every log line at debug level, the metrics and the
// configuration dumps that were asked for, and every answer with its headers.
var transcript lockedBuffer

// secrets are the texts that the transcript must not hold: the secrets in use, and every valid signature.
var secrets texts

type lockedBuffer struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
}

// since returns what has been written after an offset, and the offset behind it.
func (b *lockedBuffer) since(offset int) (string, int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.all.Bytes()[offset:]), b.all.Len()
}

type texts struct {
	mu  sync.Mutex
	all []string
}

func (s *texts) add(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, text)
}

// TestMain runs the tests, asks for the last configuration's metrics, and then looks through all that they have had out of
// Caddy.
func TestMain(m *testing.M) {
	if path := os.Getenv(caddyfileEnv); path != "" {
		fmt.Fprintln(os.Stderr, beCaddy(path))
		os.Exit(1)
	}
	code := m.Run()
	if leaks := findLeaks(); code == 0 && leaks > 0 {
		fmt.Printf("FAIL: %d secrets or valid signatures in logs, dumps, metrics or answers\n", leaks)
		code = 1
	}
	os.Exit(code)
}

// findLeaks counts the texts that the transcript holds and must not. It goes through the transcript once, since both it and
// the texts are many.
func findLeaks() (n int) {
	const start = 12 // fewer bytes than any secret or signature has
	all, _ := transcript.since(0)
	byStart := make(map[string][]string)
	for _, text := range secrets.all {
		if len(text) < start {
			n++ // too short to be looked for, or to be a secret
			continue
		}
		byStart[text[:start]] = append(byStart[text[:start]], text)
	}
	found := make(map[string]bool)
	for i := 0; i+start <= len(all); i++ {
		for _, text := range byStart[all[i:i+start]] {
			if strings.HasPrefix(all[i:], text) {
				found[text] = true
			}
		}
	}
	return n + len(found)
}

// transcriptWriter is a Caddy log output that writes to the transcript.
type transcriptWriter struct{}

func (*transcriptWriter) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "caddy.logging.writers.dari_test",
		New: func() caddy.Module { return new(transcriptWriter) },
	}
}

func (*transcriptWriter) String() string    { return "dari_test" }
func (*transcriptWriter) WriterKey() string { return "dari_test" }

func (*transcriptWriter) OpenWriter() (io.WriteCloser, error) {
	return struct {
		io.Writer
		io.Closer
	}{&transcript, io.NopCloser(nil)}, nil
}

func (*transcriptWriter) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	return nil
}

// transcribing has the transcript see every answer.
type transcribing struct{ http.RoundTripper }

func (c transcribing) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := c.RoundTripper.RoundTrip(req)
	if err != nil {
		fmt.Fprintln(&transcript, err)
		return nil, err
	}
	_ = resp.Header.Write(&transcript)
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.TeeReader(resp.Body, &transcript), resp.Body}
	return resp, nil
}

// CloseIdleConnections has the transport begin anew, as after a reload.
func (c transcribing) CloseIdleConnections() {
	if t, ok := c.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// forget takes a text back.
func (s *texts) forget(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = slices.DeleteFunc(s.all, func(other string) bool { return other == text })
}
