package caddymodule_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go/http3"

	"github.com/darihook/darihook/contract"
)

// freePort returns a port that is free for TCP and UDP alike at the moment.
func freePort(t *testing.T) int {
	t.Helper()
	for range 20 {
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := tcp.Addr().(*net.TCPAddr).Port
		udp, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", port))
		_ = tcp.Close()
		if err == nil {
			_ = udp.Close()
			return port
		}
	}
	t.Fatal("no port is free for both TCP and UDP")
	return 0
}

// protocols returns a client for each version of HTTP, for a site that a local authority has certified.
func protocols(t *testing.T, host string) map[string]*http.Client {
	trust := &tls.Config{ServerName: host, InsecureSkipVerify: true} //nolint:gosec // a certificate that was made for this test
	h1 := &http.Transport{TLSClientConfig: trust.Clone(), Protocols: new(http.Protocols)}
	h1.Protocols.SetHTTP1(true)
	h2 := &http.Transport{TLSClientConfig: trust.Clone(), Protocols: new(http.Protocols)}
	h2.Protocols.SetHTTP2(true)
	h3 := &http3.Transport{TLSClientConfig: trust.Clone()}
	t.Cleanup(func() {
		h1.CloseIdleConnections()
		h2.CloseIdleConnections()
		_ = h3.Close()
	})
	clients := make(map[string]*http.Client)
	for name, transport := range map[string]http.RoundTripper{"HTTP/1.1": h1, "HTTP/2.0": h2, "HTTP/3.0": h3} {
		clients[name] = &http.Client{Transport: transcribing{transport}, Timeout: 20 * time.Second}
	}
	return clients
}

// loadTLS runs Caddy with a site that speaks every version of HTTP, and returns its address. No two tests may use one host:
// Caddy keeps its certificate for the whole process. Nor must one be left over from an earlier run: Caddy would take it while it
// starts, and has a data race there.
func (g *gateway) loadTLS(host, site string) (address string) {
	g.t.Helper()
	port := freePort(g.t)
	caddyfile := strings.Replace(g.caddyfile(fmt.Sprintf("https://%s:%d", host, port), "tls internal\n"+site),
		"bind unix/"+g.dir+"/gate", "bind 127.0.0.1", 1)
	caddyfile = strings.Replace(caddyfile, "\tmetrics\n", "\tmetrics\n\tstorage file_system "+g.dir+"/certificates\n", 1)
	if err := g.tryLoadFile(caddyfile); err != nil {
		g.t.Fatal(err)
	}
	address = fmt.Sprintf("127.0.0.1:%d", port)
	eventually(g.t, "a certificate", func() bool {
		conn, err := tls.Dial("tcp", address, &tls.Config{ServerName: host, InsecureSkipVerify: true}) //nolint:gosec // as above
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	return address
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// sized returns a body of n bytes with an id.
func sized(id string, n int) string {
	head, tail := `{"id":"`+id+`","x":"`, `"}`
	return head + strings.Repeat("a", n-len(head)-len(tail)) + tail
}

// TestBodies sends every shape of body over every version of HTTP. Whatever is accepted reaches the receiver byte for
// byte (clause GATE-002); whatever is refused does not reach it at all.
func TestBodies(t *testing.T) {
	const limit = 100_000
	g, r := newGateway(t), newReceiver(t, nil)
	site := ""
	for _, by := range ways { // both in one configuration: Caddy cannot load a certificate that it has twice in a process
		site += "handle /" + string(by) + " {\n" + by.site(r, fmt.Sprintf("max_body %d", limit), inMemory()) + "\n}\n"
	}
	address := g.loadTLS("localhost", site)
	for protocol, client := range protocols(t, "localhost") {
		for _, by := range ways {
			slug := strings.ReplaceAll(protocol, "/", "") + string(by)
			for name, row := range map[string]struct {
				body   string
				change func(*http.Request)
				code   contract.Code
			}{
				"ok/plain":           {sized(slug+"plain", 500), nil, ""},
				"ok/limit":           {sized(slug+"limit", limit), nil, ""},
				"ok/chunked":         {sized(slug+"chunked", 5000), chunked, ""},
				"ok/chunked limit":   {sized(slug+"chunkedlimit", limit), chunked, ""},
				"ok/expect":          {sized(slug+"expect", 5000), expecting, ""},
				"ok/trailers":        {sized(slug+"trailers", 5000), trailed, ""},
				"ok/not ASCII":       {`{"id":"` + slug + `é😀","x":"\u00e9 é"}`, nil, ""},
				"ok/blanks":          {" \n{ \"id\" : \"" + slug + "blanks\" }\n", nil, ""},
				"fail/empty":         {"", nil, contract.CodeBodyInvalid},
				"fail/over":          {sized("x", limit+1), nil, contract.CodeBodyTooLarge},
				"fail/chunked over":  {sized("x", limit+1), chunked, contract.CodeBodyTooLarge},
				"fail/expect over":   {sized("x", limit+1), expecting, contract.CodeBodyTooLarge},
				"fail/gzip":          {gzipped(t, event(slug)), encoded, contract.CodeBodyInvalid},
				"fail/invalid UTF-8": {"{\"id\":\"x\xff\"}", nil, contract.CodeBodyInvalid},
				"fail/repeated name": {`{"id":"x","id":"y"}`, nil, contract.CodeBodyInvalid},
				"fail/10,000 deep":   {`{"id":"x","y":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`, nil, contract.CodeBodyInvalid},
				"fail/long id":       {sized(strings.Repeat("a", 90_000), limit), nil, contract.CodeIDMissing},
			} {
				t.Run(protocol+"/"+string(by)+"/"+name, func(t *testing.T) {
					req := g.request(row.body)
					req.URL.Scheme, req.URL.Host, req.URL.Path = "https", address, "/"+string(by)
					req.Host = "localhost"
					if row.change != nil {
						row.change(req)
					}
					before := r.hits.Load()
					a, version, err := sendVersion(client, req)
					if err != nil {
						t.Fatal(err)
					}
					if version != protocol {
						t.Fatalf("spoke %s", version)
					}
					if a.code() != string(row.code) || (row.code == "") != (a.status == http.StatusOK) {
						t.Fatalf("%s, want %q", a, row.code)
					}
					if row.code != "" {
						if r.hits.Load() != before {
							t.Error("a refused body reached the receiver")
						}
						return
					}
					if got := r.last(t); string(got.body) != row.body {
						t.Errorf("the receiver got %d bytes, want %d", len(got.body), len(row.body))
					}
				})
			}
		}
	}
	if n := g.metric(`caddy_dari_webhook_body_bytes{provider="dari"}`); n != "0" {
		t.Errorf("%s bytes of bodies left over", n)
	}
}

func chunked(r *http.Request)   { r.ContentLength = -1 }
func expecting(r *http.Request) { r.Header.Set("Expect", "100-continue") }
func encoded(r *http.Request)   { r.Header.Set("Content-Encoding", "gzip") }

func trailed(r *http.Request) {
	r.ContentLength = -1
	r.Trailer = http.Header{"X-Checksum": {"1"}}
}

// sendVersion sends a request and tells which version of HTTP was spoken.
func sendVersion(client *http.Client, req *http.Request) (answer, string, error) {
	resp, err := client.Do(req)
	if err != nil {
		return answer{}, "", err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	return answer{resp.StatusCode, resp.Header, string(body)}, resp.Proto, err
}

// TestEncodedBodyIsOpaque shows that the gate undoes no coding: what it lets through is what came. (Judged as a delivery, a
// compressed body is refused, since what is signed is then not JSON.)
func TestEncodedBodyIsOpaque(t *testing.T) {
	g, r := newGateway(t), newReceiver(t, nil)
	g.load(gateBlock("observe") + "\n" + r.proxy())
	body := gzipped(t, event("evt_1"))
	req := g.request(body)
	encoded(req)
	if a := g.send(req); a.status != http.StatusOK {
		t.Fatalf("%s", a)
	}
	if got := r.last(t); string(got.body) != body || got.header.Get("Content-Encoding") != "gzip" {
		t.Errorf("the receiver got %d bytes with coding %q", len(got.body), got.header.Get("Content-Encoding"))
	}
}

// TestExpectedBodyIsNotAskedForInVain shows that a refusal of the headers comes before 100 Continue.
func TestExpectedBodyIsNotAskedForInVain(t *testing.T) {
	g := newGateway(t)
	g.load(gateBlock(inMemory()) + "\nrespond ok")
	g.client.Transport.(transcribing).RoundTripper.(*http.Transport).ExpectContinueTimeout = 20 * time.Second
	for name, row := range map[string]struct {
		signed bool
		code   string
	}{"ok/signed": {true, ""}, "fail/unsigned": {false, "signature_missing"}} {
		t.Run(name, func(t *testing.T) {
			req := g.request(event("evt_1"))
			expecting(req)
			body := &watched{Reader: strings.NewReader(event("evt_1"))}
			req.Body = body
			if !row.signed {
				req.Header.Del(contract.HeaderSignature)
			}
			if a := g.send(req); a.code() != row.code {
				t.Errorf("%s", a)
			}
			if body.read != row.signed {
				t.Errorf("body sent: %t", body.read)
			}
		})
	}
}

// TestOversizedBodyIsNotWaitedFor declares a body that is too long and sends little of it, or all but its end: the answer
// must come all the same, or such connections would pile up.
func TestOversizedBodyIsNotWaitedFor(t *testing.T) {
	g := newGateway(t)
	g.load(gateBlock(inMemory(), "max_body 1KiB") + "\nrespond ok")
	for name, head := range map[string]string{
		"fail/declared":  "Content-Length: 1048576\r\n\r\n",
		"fail/in chunks": "Transfer-Encoding: chunked\r\n\r\n800\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := new(net.Dialer).DialContext(t.Context(), "unix", filepath.Join(g.dir, "gate"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil { // Caddy's patience is a minute
				t.Fatal(err)
			}
			req := g.request("")
			fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: gate.test\r\n%s: %s\r\n%s%s", contract.HeaderSignature,
				req.Header.Get(contract.HeaderSignature), head, strings.Repeat("x", 2000))
			resp, err := http.ReadResponse(bufio.NewReader(conn), req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if code := resp.Header.Get(contract.HeaderError); code != string(contract.CodeBodyTooLarge) || !resp.Close {
				t.Errorf("%s %s, connection closed: %t", resp.Status, code, resp.Close)
			}
		})
	}
}

// TestDawdlersAreCut has a sender dribble, so that it is never idle for long. Caddy ends its body where a rate is asked for, as
// in the repository's Caddyfile, and the gate then holds nothing of it.
func TestDawdlersAreCut(t *testing.T) {
	g := newGateway(t)
	caddyfile := strings.Replace(g.caddyfile("http://gate.test", gateBlock(inMemory())+"\nrespond ok"),
		"\tmetrics\n", "\tmetrics\n\tservers {\n\t\ttimeouts {\n\t\t\tread_body_idle 200ms 1048576\n\t\t}\n\t}\n", 1)
	if err := g.tryLoadFile(caddyfile); err != nil {
		t.Fatal(err)
	}
	conn, err := new(net.Dialer).DialContext(t.Context(), "unix", filepath.Join(g.dir, "gate"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	req := g.request("")
	fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: gate.test\r\n%s: %s\r\nContent-Length: 100000\r\n\r\n",
		contract.HeaderSignature, req.Header.Get(contract.HeaderSignature))
	go func() {
		dribble := time.NewTicker(10 * time.Millisecond)
		defer dribble.Stop()
		for range dribble.C {
			if _, err := conn.Write([]byte("x")); err != nil {
				return
			}
		}
	}()
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if code := resp.Header.Get(contract.HeaderError); code != string(contract.CodeBodyUnreadable) || !resp.Close {
		t.Errorf("%s %s, connection closed: %t", resp.Status, code, resp.Close)
	}
	if n := g.metric(`caddy_dari_webhook_body_bytes{provider="dari"}`); n != "0" {
		t.Errorf("%s bytes of the body are held", n)
	}
}

// TestOversizedBodyIsToldWhy has senders write the whole of a body that is too long before they look at the answer. None is
// cut off before it has read it.
func TestOversizedBodyIsToldWhy(t *testing.T) {
	g := newGateway(t)
	port := freePort(t)
	caddyfile := strings.Replace(g.caddyfile(fmt.Sprintf("http://localhost:%d", port), gateBlock(inMemory(), "max_body 1MiB")+"\nrespond ok"),
		"bind unix/"+g.dir+"/gate", "bind 127.0.0.1", 1)
	if err := g.tryLoadFile(caddyfile); err != nil {
		t.Fatal(err)
	}
	signed := g.request("").Header.Get(contract.HeaderSignature)
	body := bytes.Repeat([]byte("x"), 6<<20)
	for range 20 {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: localhost\r\n%s: %s\r\nContent-Length: %d\r\n\r\n", contract.HeaderSignature, signed, len(body))
		if _, err := conn.Write(body); err != nil {
			t.Fatalf("sending: %v", err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("reading the answer: %v", err)
		}
		if code := resp.Header.Get(contract.HeaderError); code != string(contract.CodeBodyTooLarge) {
			t.Errorf("%s %s", resp.Status, code)
		}
		resp.Body.Close()
		conn.Close()
	}
}

// watched notes whether it was read.
type watched struct {
	io.Reader
	read bool
}

func (w *watched) Read(p []byte) (int, error) {
	w.read = true
	return w.Reader.Read(p)
}

func (*watched) Close() error { return nil }
