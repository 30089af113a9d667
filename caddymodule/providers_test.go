package caddymodule_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/signature"
)

// randomText returns a text that only this run knows, and has the transcript watched for it.
func randomText(prefix string, encode func([]byte) string) string {
	b := make([]byte, 24)
	_, _ = rand.Read(b) // never fails
	text := prefix + encode(b)
	secrets.add(text)
	return text
}

// keyPair returns a key pair in the form of Standard Webhooks.
func keyPair(t *testing.T) (public, private string) {
	t.Helper()
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private = "whsk_" + base64.StdEncoding.EncodeToString(priv)
	secrets.add(private)
	return "whpk_" + base64.StdEncoding.EncodeToString(pub), private
}

// hashID is the id of a delivery that has none.
func hashID(body string) string {
	sum := sha256.Sum256([]byte(body))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// signedFor is a delivery in the form of a scheme.
func signedFor(t *testing.T, s contract.Scheme, secret, id, body string, at time.Time) *http.Request {
	t.Helper()
	signer, err := signature.NewSigner(signature.SignerOptions{Scheme: s, Secrets: []signature.Secret{newSecret(t, secret)}})
	if err != nil {
		t.Fatal(err)
	}
	fields, err := signer.Sign(signature.Message{ID: id, Time: at, Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, "http://gate.test/hook", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fields {
		req.Header.Set(f.Name, f.Value)
	}
	return req
}

// TestEveryProvider sends each provider's delivery, a copy that was signed again, and a tampered one.
func TestEveryProvider(t *testing.T) {
	public, private := keyPair(t)
	hexText := func(prefix string) string { return randomText(prefix, hex.EncodeToString) }
	base64Text := randomText("whsec_", base64.StdEncoding.EncodeToString)
	const form = "token=x&text=hello&trigger_id=1.2"
	danube := `{"event":"tool.execution.completed","timestamp":"2026-01-01T00:00:00.000000","data":{}}`
	standard := `{"type":"contact.created","timestamp":"2026-01-01T00:00:00Z","data":{}}`
	tested := map[string]bool{"dari": true, "tess": true} // by the other tests
	for _, row := range []struct {
		provider, secret, signing, id, body string
		wantID, wantEvent                   string
	}{
		{"danube", hexText("whsec_"), "", "", danube, hashID(danube), "tool.execution.completed"},
		{"standard_webhooks", base64Text, "", "msg_1", standard, "msg_1", "contact.created"},
		{"standard_webhooks", public, private, "msg_2", standard, "msg_2", "contact.created"},
		{"standard_webhooks", base64Text, "", "msg_3", "no JSON", "msg_3", ""},
		{"stripe", hexText("whsec_"), "", "", `{"id":"evt_1","object":"event","type":"charge.succeeded"}`, "evt_1", "charge.succeeded"},
		{"github", hexText(""), "", "d-1", `{"action":"opened"}`, hashID(`{"action":"opened"}`), ""},
		{"github", hexText(""), "", "d-2", "payload=%7B%7D", hashID("payload=%7B%7D"), ""},
		{"slack", hexText(""), "", "", `{"type":"event_callback","event_id":"Ev1","event":{"type":"app_mention"}}`, "Ev1", "app_mention"},
		{"slack", hexText(""), "", "", form, hashID(form), ""},
		{"shopify", hexText("shpss_"), "", "w-1", `{"id":820982911946154500}`, hashID(`{"id":820982911946154500}`), ""},
	} {
		tested[row.provider] = true
		t.Run(row.provider+" "+row.wantID, func(t *testing.T) {
			p, _ := contract.ProviderFor(row.provider)
			signing := row.signing
			if signing == "" {
				signing = row.secret
			}
			scheme, err := signature.Choose(p.Schemes(), []signature.Secret{newSecret(t, signing)})
			if err != nil {
				t.Fatal(err)
			}
			g, r := newGateway(t), newReceiver(t, nil)
			t.Setenv("PROVIDER_SECRET", row.secret)
			g.load("route {\ndari_webhook {\nprovider " + row.provider + "\nsecret {env.PROVIDER_SECRET}\n" + inMemory() + "\n}\n" + r.proxy() + "\n}")

			now := time.Now()
			if a := g.send(signedFor(t, scheme, signing, row.id, row.body, now)); a.status != http.StatusOK || a.duplicate() {
				t.Fatalf("a delivery: %s", a)
			}
			h := r.last(t).header
			if h.Get(contract.HeaderID) != row.wantID || h.Get(contract.HeaderEvent) != row.wantEvent {
				t.Errorf("id %q and event %q, want %q and %q", h.Get(contract.HeaderID), h.Get(contract.HeaderEvent), row.wantID, row.wantEvent)
			}
			if a := g.send(signedFor(t, scheme, signing, row.id, row.body, now.Add(time.Second))); a.status != http.StatusOK || !a.duplicate() {
				t.Errorf("a copy: %s", a)
			}
			forged := signedFor(t, scheme, signing, row.id, row.body, now)
			setBody(forged, row.body+" ")
			if a := g.send(forged); a.code() != string(contract.CodeSignatureMismatch) {
				t.Errorf("a tampered delivery: %s", a)
			}
			stale := g.send(signedFor(t, scheme, signing, row.id, row.body+"\n", now.Add(-time.Hour)))
			if dated := scheme.Dated(); dated != (stale.code() == string(contract.CodeTimestampStale)) {
				t.Errorf("an old delivery: %s, but dated is %t", stale, dated)
			}
		})
	}
	for _, p := range contract.Providers() {
		if !tested[p.Name] {
			t.Errorf("%s has no row", p.Name)
		}
	}
}

// TestSlackChallenge shows that the gate answers a signed challenge itself, and no other.
func TestSlackChallenge(t *testing.T) {
	g, r := newGateway(t), newReceiver(t, nil)
	secret := randomText("", hex.EncodeToString)
	t.Setenv("PROVIDER_SECRET", secret)
	g.load("route {\ndari_webhook {\nprovider slack\nsecret {env.PROVIDER_SECRET}\n" + inMemory() + "\n}\n" + r.proxy() + "\n}")
	const body = `{"token":"t","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P","type":"url_verification"}`
	scheme := contract.Slack().Scheme
	for range 2 { // a challenge may come again
		a := g.send(signedFor(t, scheme, secret, "", body, time.Now()))
		if a.status != http.StatusOK || a.body != "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P" || a.duplicate() {
			t.Errorf("a challenge: %s", a)
		}
	}
	forged := signedFor(t, scheme, secret, "", body, time.Now())
	setBody(forged, strings.Replace(body, "3eZ", "4eZ", 1))
	if a := g.send(forged); a.code() != string(contract.CodeSignatureMismatch) || strings.Contains(a.body, "4eZ") {
		t.Errorf("a forged challenge: %s", a)
	}
	if got := g.metric(`caddy_dari_webhook_requests_total{code="",decision="challenged",provider="slack"}`); got != "2" {
		t.Errorf("%s challenges counted, want 2", got)
	}
	if n := r.hits.Load(); n != 0 {
		t.Errorf("the receiver got %d requests", n)
	}
}

// TestSecretInTheURL shows that the secret stays at the gate: the transcript, which has the access log, must not hold it.
func TestSecretInTheURL(t *testing.T) {
	for place, urlOf := range map[string]func(secret string) (url, forwarded string){
		"path":        func(s string) (string, string) { return "/hooks/tess/" + s, "/hooks/tess" },
		"query token": func(s string) (string, string) { return "/hooks/tess?a=%20b&token=" + s + "&c", "/hooks/tess?a=%20b&c" },
	} {
		t.Run(place, func(t *testing.T) {
			eachWay(t, func(t *testing.T, by way) {
				g := newGateway(t)
				r := newReceiver(t, func(w http.ResponseWriter, r *http.Request) {
					fmt.Fprint(w, r.RequestURI)
					if strings.Contains(r.Header.Get("X-Fail"), "yes") {
						w.WriteHeader(http.StatusInternalServerError)
					}
				})
				secret := randomText("", hex.EncodeToString)
				t.Setenv("PROVIDER_SECRET", secret)
				block := "log\nroute {\ndari_webhook {\nprovider tess\nurl_secret " + place + "\nsecret {env.PROVIDER_SECRET}\n"
				within, behind := "", r.proxy()
				if by == byForward {
					within, behind = "forward "+r.URL+"\n", ""
				}
				g.load(block + within + inMemory("ttl 1h") + "\n}\n" + behind + "\n}\nhandle_errors {\nrespond {http.request.uri}\n}")
				url, forwarded := urlOf(secret)
				post := func(method, url, body string) answer {
					req, err := http.NewRequest(method, "http://gate.test"+url, strings.NewReader(body))
					if err != nil {
						t.Fatal(err)
					}
					return g.send(req)
				}
				if a := post("POST", url, `{"id":1}`); a.status != http.StatusOK || a.body != forwarded || a.duplicate() {
					t.Errorf("a delivery: %s, want it at %s", a, forwarded)
				}
				if a := post("POST", url, `{"id":1}`); a.status != http.StatusOK || !a.duplicate() {
					t.Errorf("a copy: %s", a)
				}
				if a := post("POST", url, `{"id":2}`); a.status != http.StatusOK || a.duplicate() {
					t.Errorf("another delivery: %s", a)
				}
				other, _ := urlOf(secret[1:] + "0")
				for name, row := range map[string]struct {
					method, url string
					code        contract.Code
				}{
					"another secret": {"POST", other, contract.CodeSignatureMismatch},
					"no secret":      {"POST", "/", contract.CodeSignatureMissing},
					"method":         {"PUT", url, contract.CodeMethodNotAllowed},
				} {
					if a := post(row.method, row.url, `{"id":3}`); a.code() != string(row.code) {
						t.Errorf("%s: %s", name, a)
					}
				}
				r.Close()
				if a := post("POST", url, `{"id":4}`); a.status != http.StatusBadGateway {
					t.Errorf("a receiver that is gone: %s", a)
				}
				if log, _ := transcript.since(0); !strings.Contains(log, `"uri":"`+forwarded+`"`) {
					t.Error("no line of the access log tells of the request")
				}
			})
		})
	}
}

// TestSecretInTheURLTwice shows that which of two secrets counts is not left open.
func TestSecretInTheURLTwice(t *testing.T) {
	g, r := newGateway(t), newReceiver(t, nil)
	secret := randomText("", hex.EncodeToString)
	t.Setenv("PROVIDER_SECRET", secret)
	g.load("route {\ndari_webhook {\nprovider tess\nurl_secret query token\nsecret {env.PROVIDER_SECRET}\ndedup off\n}\n" + r.proxy() + "\n}")
	for query, code := range map[string]string{
		"token=" + secret: "", "tok%65n=" + secret: "", "token=x&token=" + secret: "signature_missing", "token=": "signature_missing",
		"TOKEN=" + secret: "signature_missing", "token=%" + secret: "signature_mismatch",
	} {
		req, err := http.NewRequest("POST", "http://gate.test/", strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		req.URL.RawQuery = query
		if a := g.send(req); a.code() != code {
			t.Errorf("%d characters of query: %s, want %q", len(query), a, code)
		}
	}
}

// TestSecretInTheURLIsInNoPlaceholder asks for all that Caddy knows of a request's URL.
func TestSecretInTheURLIsInNoPlaceholder(t *testing.T) {
	secret := randomText("", hex.EncodeToString)
	t.Setenv("PROVIDER_SECRET", secret)
	var all strings.Builder
	for _, prefix := range []string{"http.request.uri", "http.request.orig_uri"} {
		for _, suffix := range []string{"", "_escaped", ".path", ".path.file", ".path.dir", ".path.0", ".path.1", ".path_escaped", ".query", ".query_escaped", ".prefixed_query", ".query.token"} {
			all.WriteString("{" + prefix + suffix + "} ")
		}
	}
	for place, url := range map[string]string{"path": "/hook/" + secret + "?a=1", "query token": "/hook?token=" + secret + "&a=1"} {
		t.Run(place, func(t *testing.T) {
			g := newGateway(t)
			g.load("route {\ndari_webhook {\nprovider tess\nurl_secret " + place + "\nsecret {env.PROVIDER_SECRET}\ndedup off\n}\nrespond \"" + all.String() + "\"\n}")
			req, err := http.NewRequest("POST", "http://gate.test"+url, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			if a := g.send(req); a.status != http.StatusOK || strings.Contains(a.body, secret) || !strings.Contains(a.body, "/hook?a=1") {
				t.Errorf("%s", strings.ReplaceAll(a.String(), secret, "THE SECRET"))
			}
		})
	}
}

// TestLinesOfTheLogAreShort has a sender, and a receiver whose answer is none, say more than a log should hold.
func TestLinesOfTheLogAreShort(t *testing.T) {
	g := newGateway(t)
	secret := randomText("", hex.EncodeToString)
	t.Setenv("PROVIDER_SECRET", secret)
	long := strings.Repeat("X", 10_000)
	r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			defer conn.Close()
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nno colon "+long+"\r\n\r\n")
		}
	})
	g.load("route {\ndari_webhook {\nprovider tess\nurl_secret path\nsecret {env.PROVIDER_SECRET}\ndedup off\n}\n" + r.proxy() + "\n}")
	_, seen := transcript.since(0)
	req, err := http.NewRequest(http.MethodPost, "http://gate.test/hook/"+secret+"?q="+long, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	if a := g.send(req); a.status != http.StatusBadGateway {
		t.Errorf("%s, want %d", a, http.StatusBadGateway)
	}
	log, _ := transcript.since(seen)
	if !strings.Contains(log, `"msg":"the receiver failed"`) {
		t.Error("no line tells of the failure")
	}
	for line := range strings.Lines(log) {
		if strings.Contains(line, `"http.handlers.dari_webhook"`) && len(line) > 1500 {
			t.Errorf("%d bytes: %.200s", len(line), line)
		}
	}
}

// TestUnsignedGetWithoutAnything shows that a request that nothing tells from others is not taken for a copy of them.
func TestUnsignedGetWithoutAnything(t *testing.T) {
	g, r := newGateway(t), newReceiver(t, nil)
	secret := randomText("", hex.EncodeToString)
	t.Setenv("PROVIDER_SECRET", secret)
	g.load("route {\ndari_webhook {\nprovider tess\nurl_secret path\nsecret {env.PROVIDER_SECRET}\n" + inMemory("ttl 1h") + "\n}\n" + r.proxy() + "\n}")
	for query, want := range map[string]string{"": "id_missing", "?run=1": "", "?run=2": ""} {
		req, err := http.NewRequest("GET", "http://gate.test/hook/"+secret+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		if a := g.send(req); a.code() != want || a.duplicate() {
			t.Errorf("%q: %s, want %q", query, a, want)
		}
	}
}

// TestProvidersThatCannotStart shows what is refused when a configuration is loaded.
func TestProvidersThatCannotStart(t *testing.T) {
	public, private := keyPair(t)
	strong := randomText("", hex.EncodeToString)
	for name, row := range map[string]struct{ block, secret, want string }{
		"weak secret in the URL": {"provider tess\nurl_secret path\ndedup off", "tr0ub4dor-and-3", "128 bits"},
		"no place in the URL":    {"provider tess\ndedup off", strong, "url_secret must say where"},
		"place for nothing":      {"provider dari\nurl_secret path", strong, "url_secret has no place"},
		"content of nothing":     {"provider tess\nurl_secret path\nsigned_content body", strong, "signed_content has no place"},
		"no window":              {"provider tess\nurl_secret path\ndedup memory", strong, "ttl must be set"},
		"private key":            {"provider standard_webhooks", private, "public key of 32 bytes"},
		"two schemes":            {"provider standard_webhooks\nsecret whsec_" + base64.StdEncoding.EncodeToString([]byte(strong)), public, "different schemes"},
		"no scope": {"provider custom {\nheader X-A\nsigned_content {timestamp}.{body}\ntimestamp header X-T\n}", strong,
			"scope must name the platform"},
		"the gate's own header": {"scope x\nprovider custom {\nheader X-A\nsigned_content {timestamp}.{body}\ntimestamp header X-T\nid header dari_webhook_verified\n}", strong,
			"only a gate sets this header"},
		"the gate's header, misspelt": {"scope x\nprovider custom {\nheader X-A\nsigned_content {timestamp}.{body}\ntimestamp header Dari_Webhook_Timestamp\n}", strong,
			"only a gate sets this header"},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			t.Setenv("PROVIDER_SECRET", row.secret)
			err := g.tryLoad("route {\ndari_webhook {\nsecret {env.PROVIDER_SECRET}\n" + row.block + "\n}\n}")
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Fatalf("%v, want %q", err, row.want)
			}
			if strings.Contains(err.Error(), row.secret) {
				t.Error("the error holds the secret")
			}
		})
	}
}

// TestCustomProvider sends a platform's deliveries whose contract the configuration gives.
func TestCustomProvider(t *testing.T) {
	g, r := newGateway(t), newReceiver(t, nil)
	secret := randomText("acme_", base64.StdEncoding.EncodeToString)
	t.Setenv("PROVIDER_SECRET", secret)
	g.load(`route {
dari_webhook {
	provider custom {
		method         PUT
		header         X-Acme-Signature
		tag            sig
		separators     : ;
		encoding       base64
		signed_content "acme|{id}|{timestamp}|{body}"
		timestamp      tag ts
		id             header X-Acme-Id
		event          field kind
		key            base64 acme_
	}
	scope acme
	secret {env.PROVIDER_SECRET}
	` + inMemory() + `
}
` + r.proxy() + `
}`)
	scheme := contract.Scheme{
		Name: "acme", Algorithm: contract.HMACSHA256, Header: "X-Acme-Signature", Tag: "sig", TagSeparator: ":", ItemSeparator: ";",
		Encoding: contract.Base64, Content: "acme|{id}|{timestamp}|{body}", TimestampTag: "ts", IDHeader: "X-Acme-Id",
		KeyForm: contract.KeyBase64, KeyPrefix: "acme_",
	}
	send := func(change func(*http.Request)) answer {
		req := signedFor(t, scheme, secret, "a-1", `{"kind":"paid"}`, time.Now())
		req.Method = http.MethodPut
		change(req)
		return g.send(req)
	}
	if a := send(func(*http.Request) {}); a.status != http.StatusOK {
		t.Fatal(a)
	}
	if h := r.last(t).header; h.Get(contract.HeaderID) != "a-1" || h.Get(contract.HeaderEvent) != "paid" {
		t.Errorf("forwarded with %v", h)
	}
	if a := send(func(*http.Request) {}); !a.duplicate() {
		t.Errorf("a copy: %s", a)
	}
	if a := send(func(r *http.Request) { r.Header.Set("X-Acme-Id", "a-2") }); a.code() != string(contract.CodeSignatureMismatch) {
		t.Errorf("another id: %s", a)
	}
	if a := send(func(r *http.Request) { r.Method = http.MethodPost }); a.header.Get("Allow") != "PUT" {
		t.Errorf("another method: %s", a)
	}
}
