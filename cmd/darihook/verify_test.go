package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
)

// The secret of the captures is made up and opens nothing. It is base64 behind its prefix, so that every form of it exists.
const (
	captureBare   = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	captureSecret = "whsec_" + captureBare
	captureBody   = `{"id":"evt_1","type":"session.completed","data":{"b":"x","a":[1,2]}}`
)

// misfit is how a captured request was made.
type misfit struct {
	scheme contract.Scheme
	key    []byte
	at     time.Time
	signed string
	sent   string
}

// headers signs the request without the code that verifies it.
func (m misfit) headers() http.Header {
	s, stamp := m.scheme, strconv.FormatInt(m.at.Unix(), 10)
	mac := hmac.New(sha256.New, m.key)
	mac.Write([]byte(strings.NewReplacer("{id}", "evt_1", "{timestamp}", stamp, "{body}", m.signed).Replace(string(s.Content))))
	sum := hex.EncodeToString(mac.Sum(nil))
	if s.Encoding == contract.Base64 {
		sum = base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	h := http.Header{}
	line := s.Tag + s.TagSeparator + sum
	switch {
	case s.TimestampTag != "":
		line = s.TimestampTag + s.TagSeparator + stamp + s.ItemSeparator + line
	case s.TimestampHeader != "":
		h.Set(s.TimestampHeader, stamp)
	}
	h.Set(s.Header, line)
	if s.IDHeader != "" {
		h.Set(s.IDHeader, "evt_1")
	}
	return h
}

// captures writes the request in every form that verify reads, and returns the files.
func (m misfit) captures(t *testing.T) map[string]string {
	t.Helper()
	raw, curl := "POST /hooks HTTP/1.1\r\nHost: example.com\r\n", "curl -X POST http://localhost/hooks"
	fields := []map[string]string{}
	for name, values := range m.headers() {
		raw += fmt.Sprintf("%s: %s\r\n", name, values[0])
		curl += fmt.Sprintf(" \\\n  -H '%s: %s'", name, values[0])
		fields = append(fields, map[string]string{"name": name, "value": values[0]})
	}
	raw += fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(m.sent), m.sent)
	request := map[string]any{"method": "POST", "url": "http://localhost/hooks", "headers": fields, "postData": map[string]any{"text": m.sent}}
	har, err := json.Marshal(map[string]any{"log": map[string]any{"entries": []any{map[string]any{"request": request}}}})
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for form, text := range map[string]string{"raw": raw, "curl": curl + " \\\n  --data-binary '" + m.sent + "'\n", "HAR": string(har)} {
		files[form] = filepath.Join(t.TempDir(), form)
		if err := os.WriteFile(files[form], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// reason is one thing that people get wrong, and what verify is to say of it.
type reason struct {
	name string
	make func(m *misfit)
	says string
	// unless names the form of key or content that the scheme has anyway.
	unless string
}

var reasons = []reason{
	{"key: whole secret", func(m *misfit) { m.key = []byte(captureSecret) }, "if the key is the whole secret;", "whole"},
	{"key: prefix stripped", func(m *misfit) { m.key = []byte(captureBare) }, "if the key is the secret without its prefix;", ""},
	{"key: base64-decoded", func(m *misfit) { m.key, _ = base64.StdEncoding.DecodeString(captureBare) },
		"if the key is the secret without its prefix, base64-decoded;", "base64"},
	{"key: trailing newline", func(m *misfit) { m.key = []byte(captureSecret + "\n") }, "if the key is the whole secret with a newline added;", ""},
	{"content: body", func(m *misfit) { m.scheme.Content = contract.ContentBody }, "body}", ""},
	{"encoding", func(m *misfit) {
		if m.scheme.Encoding == contract.Hex {
			m.scheme.Encoding = contract.Base64
		} else {
			m.scheme.Encoding = contract.Hex
		}
	}, "if the signature is written in", ""},
	{"body: written anew with blanks", func(m *misfit) {
		m.sent = `{"id": "evt_1", "type": "session.completed", "data": {"b": "x", "a": [1, 2]}}`
	}, "if the body has its JSON written without white space;", ""},
	{"body: written anew without blanks", func(m *misfit) {
		m.signed = `{"id": "evt_1", "type": "session.completed", "data": {"b": "x", "a": [1, 2]}}`
	}, "if the body has its JSON written with a blank behind each comma and colon;", ""},
	{"body: escaped", func(m *misfit) { m.signed, m.sent = `{"b":"grün","a":1}`, `{"b":"gr\u00fcn","a":1}` },
		"if the body has the escaped characters beyond ASCII in its JSON written out;", ""},
	{"body: byte order mark", func(m *misfit) { m.sent = "\uFEFF" + m.sent }, "if the body has its byte order mark removed;", ""},
	{"body: CR LF", func(m *misfit) { m.signed, m.sent = "{\n\"a\":1\n}", "{\r\n\"a\":1\r\n}" }, "if the body has CR LF turned into LF;", ""},
	{"body: newline", func(m *misfit) { m.sent += "\n" }, "if the body has the newline at its end removed;", ""},
	{"clock: behind", func(m *misfit) { m.at = m.at.Add(-time.Hour) }, "signed 1h0m1s ago.", ""},
	{"clock: ahead", func(m *misfit) { m.at = m.at.Add(time.Hour) }, "dated 59m59s ahead.", ""},
}

// TestVerifyTellsWhatWouldFit captures requests that were made wrongly in one way each, in every form, and asks for the hint.
func TestVerifyTellsWhatWouldFit(t *testing.T) {
	t.Parallel()
	at := time.Unix(1767225600, 0)
	decoded, err := base64.StdEncoding.DecodeString(captureBare)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []contract.Provider{contract.Dari(), contract.Danube(), contract.Stripe(), contract.StandardWebhooks()} {
		right := misfit{scheme: p.Scheme, key: []byte(captureSecret), at: at, signed: captureBody, sent: captureBody}
		if p.Scheme.KeyForm == contract.KeyBase64 {
			right.key = decoded
		}
		t.Run("ok/"+p.Name, func(t *testing.T) {
			t.Parallel()
			right.verified(t, p.Name, "", 0, "accepted: scheme "+p.Scheme.Name+", secret 1")
		})
		for _, r := range reasons {
			if r.unless == string(p.Scheme.KeyForm) {
				continue
			}
			t.Run("fail/"+p.Name+"/"+r.name, func(t *testing.T) {
				t.Parallel()
				m := right
				r.make(&m)
				says := r.says
				if p.Name == "dari" && r.says == "body}" {
					says = "matches scheme dari-body" // a candidate of its own
				}
				m.verified(t, p.Name, "It matches scheme "+p.Scheme.Name, exitFailed, says)
			})
		}
	}
}

// verified runs verify on every form of the capture.
func (m misfit) verified(t *testing.T, provider, begins string, code int, says string) {
	t.Helper()
	for form, file := range m.captures(t) {
		got, out, complaint := invoke(t, "verify", "--provider", provider, "--secret", captureSecret, "--now", "1767225601", file)
		if got != code || !strings.Contains(out, begins) || !strings.Contains(out, says) || strings.Contains(out+complaint, captureBare) {
			t.Errorf("%s: exit code %d, want %d and %q:\n%s%s", form, got, code, says, out, complaint)
		}
	}
}
