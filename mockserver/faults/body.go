package faults

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"strings"
)

// withField returns a JSON object with one more field at its end.
func withField(body []byte, field string) []byte {
	end := bytes.LastIndexByte(body, '}')
	if end < 0 {
		return append(bytes.Clone(body), ' ')
	}
	separator := ","
	if bytes.HasSuffix(bytes.TrimSpace(body[:end]), []byte("{")) {
		separator = ""
	}
	out := append(bytes.Clone(body[:end]), separator...)
	out = append(out, field...)
	return append(out, body[end:]...)
}

// rewritten returns the same JSON in other bytes, as a program that parses and writes it again would.
func rewritten(body []byte) []byte {
	var out bytes.Buffer
	if err := json.Indent(&out, body, "", "  "); err != nil || bytes.Equal(out.Bytes(), body) {
		return append(bytes.Clone(body), '\n')
	}
	return out.Bytes()
}

// padded returns a JSON object of at least size bytes.
func padded(body []byte, size int) []byte {
	const standard = 6 << 20
	if size == 0 {
		size = standard
	}
	const frame = `"padding":""`
	missing := max(size-len(body)-len(frame)-1, 0)
	return withField(body, `"padding":"`+strings.Repeat("x", missing)+`"`)
}

// withoutID removes the id from the body, where the provider's envelope has one at the top level.
func withoutID(d *Draft) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(d.Body, &fields) != nil {
		return
	}
	delete(fields, d.Provider.Envelope.ID)
	if body, err := json.Marshal(fields); err == nil {
		d.Body = body
	}
}

// compress replaces the body by its gzip form and says so.
func compress(d *Draft) {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(d.Body) // a bytes.Buffer takes everything
	w.Close()
	d.Body = out.Bytes()
	d.add("Content-Encoding", "gzip")
}
