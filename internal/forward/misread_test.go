package forward

import (
	"errors"
	"strings"
	"testing"
	"unicode"
)

// TestErrorsTellNothingOfTheAnswer has receivers answer wrongly, with a word in every place that none but the sender may see.
func TestErrorsTellNothingOfTheAnswer(t *testing.T) {
	t.Parallel()
	const (
		word   = "hunter2"
		cookie = "Set-Cookie: session=" + word + "\r\n"
		ok     = "HTTP/1.1 200 OK\r\n"
		chunks = ok + cookie + "Transfer-Encoding: chunked\r\n\r\n"
	)
	for name, row := range map[string]struct {
		answer string
		want   error
		says   string // the end of the error
	}{
		"fail/two lengths":            {ok + cookie + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", errLength, `behind "HTTP/1.1 200 OK"`},
		"fail/two lengths in a field": {ok + cookie + "Content-Length: 0, 0\r\n\r\n", errLength, `behind "HTTP/1.1 200 OK"`},
		"fail/length is a word":       {ok + "Content-Length: " + word + "\r\n\r\n", errHeader, `behind "HTTP/1.1 200 OK"`},
		"fail/encoding is a word":     {ok + "Transfer-Encoding: " + word + "\r\n\r\n", errHeader, `behind "HTTP/1.1 200 OK"`},
		"fail/no colon":               {ok + cookie + "Set-Cookie " + word + "\r\n\r\n", errHeader, `behind "HTTP/1.1 200 OK"`},
		"fail/control in a value":     {ok + "Set-Cookie: " + word + "\x00\r\n\r\n", errHeader, `behind "HTTP/1.1 200 OK"`},
		"fail/empty name":             {ok + cookie + ": " + word + "\r\n\r\n", errHeader, `behind "HTTP/1.1 200 OK"`},
		"fail/blank in front":         {ok + " " + word + ": 1\r\n" + cookie + "\r\n", errHeader, `behind "HTTP/1.1 200 OK"`},
		"fail/forbidden trailer":      {ok + cookie + "Trailer: Content-Length, " + word + "\r\nTransfer-Encoding: chunked\r\n\r\n", errHeader, `behind "HTTP/1.1 200 OK"`},
		"fail/status of four digits":  {"HTTP/1.1 2000 OK\r\n" + cookie + "\r\n", errHeader, `behind "HTTP/1.1 2000 OK"`},
		"fail/endless status line":    {"HTTP/1.1 2000 " + strings.Repeat("\x1b", 1000) + "\r\n" + cookie + "\r\n", errHeader, `\x1b"`},
		"fail/no status line":         {"SSH-2.0-" + word + "\r\n" + cookie + "\r\n", errStatus, `: "SSH-2.0-hu"`},
		"fail/header too long":        {ok + cookie + strings.Repeat("A: "+word+"\r\n", DefaultMaxHeader/10), ErrLongHeader, `behind "HTTP/1.1 200 OK"`},
		"fail/bare LF":                {strings.ReplaceAll(ok+cookie+"\r\n", "\r", ""), errBareLF, `behind "HTTP/1.1 200 OK"`},
		"fail/three lengths":          {ok + cookie + "Content-Length: 1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", errLength, `behind "HTTP/1.1 200 OK"`},
		"fail/header cut":             {ok + cookie + "A: " + word, ErrExchange, ": unexpected EOF"},
		"fail/body cut":               {ok + cookie + "Content-Length: 100\r\n\r\n" + word, ErrCut, ": unexpected EOF"},
		"fail/chunk cut":              {chunks + "f\r\n" + word, ErrCut, ": unexpected EOF"},
		"fail/chunk of no length":     {chunks + word + "\r\n", errBody, "trailer"},
		"fail/chunk of more":          {chunks + "1\r\n" + word + "\r\n", errBody, "trailer"},
		"fail/trailer without colon":  {chunks + "0\r\n" + word + "\r\n\r\n", errBody, "trailer"},
		"fail/control in a trailer":   {chunks + "0\r\nX-Sum: " + word + "\x00\r\n\r\n", errBody, "trailer"},
		"fail/trailer that frames":    {chunks + "0\r\nContent-Length: 1\r\nX-Sum: " + word + "\r\n\r\n", errBody, "trailer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, _ := newScript(t, saysAndCloses(row.answer))
			_, err := send(newClient(t, address, nil), "x")
			if !errors.Is(err, row.want) {
				t.Fatalf("%v, want %v", err, row.want)
			}
			text := err.Error()
			if !strings.HasSuffix(text, row.says) {
				t.Errorf("%s does not end in %s", text, row.says)
			}
			if strings.Contains(text, word) || len(text) > 300 || strings.ContainsFunc(text, unicode.IsControl) {
				t.Errorf("%d bytes: %s", len(text), text)
			}
		})
	}
}
