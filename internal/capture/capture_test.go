package capture_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/darihook/darihook/internal/capture"
)

const signatureHeader = "Dari-Webhook-Signature"

// want is the same request in every form.
var want = capture.Request{
	Method: http.MethodPost,
	Target: "/hooks/dari",
	Header: http.Header{"Content-Type": {"application/json"}, signatureHeader: {"t=1,v1=ab"}},
	Body:   []byte(`{"id":"evt_1","text":"it's"}`),
}

func TestParse(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name, text string
		notes      int
		target     string
	}{
		{name: "ok/raw with CR LF", text: "POST /hooks/dari HTTP/1.1\r\nContent-Type: application/json\r\nDari-Webhook-Signature: t=1,v1=ab\r\n\r\n{\"id\":\"evt_1\",\"text\":\"it's\"}"},
		{name: "ok/raw with LF", text: "POST /hooks/dari HTTP/1.1\nContent-Type: application/json\nDari-Webhook-Signature: t=1,v1=ab\n\n{\"id\":\"evt_1\",\"text\":\"it's\"}"},
		{name: "ok/raw in lower case and over HTTP 2", text: "POST /hooks/dari HTTP/2\ncontent-type: application/json\ndari-webhook-signature: t=1,v1=ab\n\n{\"id\":\"evt_1\",\"text\":\"it's\"}"},
		{name: "ok/HAR entry", text: `{"request":{"method":"POST","url":"/hooks/dari","headers":[{"name":"content-type","value":"application/json"},{"name":"dari-webhook-signature","value":"t=1,v1=ab"}],"postData":{"text":"{\"id\":\"evt_1\",\"text\":\"it's\"}"}}}`},
		{name: "ok/HAR file", text: `{"log":{"entries":[{"request":{"method":"GET","url":"/"}},{"request":{"method":"POST","url":"/hooks/dari","headers":[{"name":"Content-Type","value":"application/json"},{"name":"Dari-Webhook-Signature","value":"t=1,v1=ab"}],"postData":{"text":"{\"id\":\"evt_1\",\"text\":\"it's\"}"}}}]}}`},
		{name: "ok/curl with double quotes", text: `curl -sS -X POST -H "Content-Type: application/json" -H"Dari-Webhook-Signature: t=1,v1=ab" --data-binary "{\"id\":\"evt_1\",\"text\":\"it's\"}" /hooks/dari`},
		{name: "ok/curl with ANSI quotes over lines", text: "$ curl '/hooks/dari' \\\n  --header='Content-Type: application/json' \\\n  -H 'Dari-Webhook-Signature: t=1,v1=ab' \\\n  --data-raw $'{\"id\":\"evt_1\",\"text\":\"it\\'s\"}'"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got, err := capture.Parse([]byte(row.text), capture.Options{Header: signatureHeader})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	rows := []struct{ name, text, says string }{
		{"fail/empty", " \n", capture.ErrEmpty.Error()},
		{"fail/prose", "hello there", capture.ErrForm.Error()},
		{"fail/JSON that is no HAR", `{"id":"evt_1"}`, capture.ErrForm.Error()},
		{"fail/no entry", `{"log":{"entries":[{"request":{}}]}}`, "none of the 1 entries"},
		{"fail/two entries", `{"log":{"entries":[{"request":{"headers":[{"name":"dari-webhook-signature"}]}},{"request":{"headers":[{"name":"dari-webhook-signature"}]}}]}}`, "entries 1, 2"},
		{"fail/curl variable", `curl -d "$BODY" http://localhost`, "BODY: unbound variable"},
		{"fail/curl command", `curl -d "$(date)" http://localhost`, "reading the curl command"},
		{"fail/curl option", `curl --form a=b http://localhost`, "option --form"},
		{"fail/curl without a value", `curl http://localhost -d`, "has no value"},
		{"fail/curl comment", `curl# no`, capture.ErrForm.Error()},
		{"fail/length", "POST / HTTP/1.1\nContent-Length: x\n\n", "Content-Length"},
		{"fail/header", "POST / HTTP/1.1\nno colon\n\n", "reading the header"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			_, err := capture.Parse([]byte(row.text), capture.Options{Header: signatureHeader})
			if err == nil || !strings.Contains(err.Error(), row.says) {
				t.Errorf("error %v, want one that says %q", err, row.says)
			}
		})
	}
	if _, err := capture.Parse(make([]byte, capture.MaxSize+1), capture.Options{}); !errors.Is(err, capture.ErrTooLarge) {
		t.Errorf("error %v, want ErrTooLarge", err)
	}
}

func TestRawFraming(t *testing.T) {
	t.Parallel()
	rows := []struct{ name, text, body, note string }{
		{"ok/an editor's newline is cut", "POST / HTTP/1.1\nContent-Length: 2\n\n{}\n", "{}", ""},
		{"ok/chunks are joined", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", "{}", ""},
		{"fail/cut short", "POST / HTTP/1.1\nContent-Length: 9\n\n{}", "{}", "cut short"},
		{"fail/more than declared", "POST / HTTP/1.1\nContent-Length: 2\n\n{}{}", "{}", "ignored"},
		{"fail/no chunks", "POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n{}", "{}", "not in chunks"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got, err := capture.Parse([]byte(row.text), capture.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if string(got.Body) != row.body {
				t.Errorf("body %q, want %q", got.Body, row.body)
			}
			if notes := strings.Join(got.Notes, "\n"); (notes == "") != (row.note == "") || !strings.Contains(notes, row.note) {
				t.Errorf("notes %q, want %q", notes, row.note)
			}
		})
	}
}

// TestCurlKeepsCarriageReturns shows that a body's own ends of lines are left alone, however the command's lines end.
func TestCurlKeepsCarriageReturns(t *testing.T) {
	t.Parallel()
	rows := []struct{ name, text, body string }{
		{"ok/in single quotes", "curl http://localhost -d '{\r\n}'", "{\r\n}"},
		{"ok/in double quotes", "curl http://localhost -d \"{\r\n}\"", "{\r\n}"},
		{"ok/escaped", `curl http://localhost -d $'{\r\n}'`, "{\r\n}"},
		{"ok/in the command", "curl http://localhost \\\r\n -d {}\r\n", "{}"},
		{"ok/the placeholder itself", "curl http://localhost -d '\uE000\r\n'\r\n", "\uE000\r\n"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got, err := capture.Parse([]byte(row.text), capture.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if string(got.Body) != row.body || got.Target != "http://localhost" {
				t.Errorf("%s: body %q, want %q", got.Target, got.Body, row.body)
			}
		})
	}
}

func TestCurlReadsDataFiles(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "body.json")
	if err := os.WriteFile(file, []byte("{\r\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for option, body := range map[string]string{"--data": "{}", "--data-binary": "{\r\n}\n"} {
		got, err := capture.Parse([]byte("curl http://localhost "+option+" @"+file), capture.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if string(got.Body) != body {
			t.Errorf("%s: body %q, want %q", option, got.Body, body)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("POST / HTTP/1.1\nContent-Length: 2\n\n{}")
	f.Add(`curl -d '{}' -H 'A: b' http://localhost`)
	f.Add(`{"log":{"entries":[{"request":{"headers":[{"name":"dari-webhook-signature"}]}}]}}`)
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "@") {
			return // would read files
		}
		got, err := capture.Parse([]byte(text), capture.Options{Header: signatureHeader})
		if err == nil && got.Header == nil {
			t.Error("a request without a header map")
		}
		if len(got.Body) > len(text) {
			t.Errorf("a body of %d bytes out of %d", len(got.Body), len(text))
		}
	})
}
