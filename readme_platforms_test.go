package darihook_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/darihook/darihook/conformance"
	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/gate"
	"github.com/darihook/darihook/mockserver"
	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/signature"
)

var update = flag.Bool("update", false, "write the README's table of platforms anew")

// What the table's cells are filled with where there is nothing.
const nothing = "–"

// platformSecret can be every platform's: its key is text to some and base64 to others, and it has 128 bits for a URL. It
// opens nothing.
const platformSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// TestReadmePlatforms holds the README's table against what the gate judges, what the mock answers and sends, and what the
// suite has clauses for.
func TestReadmePlatforms(t *testing.T) {
	t.Parallel()
	table := "| platform | gate | mock API | mock sender | config clauses | receiver clauses | sender clauses |\n|---|---|---|---|---|---|---|\n"
	for _, p := range contract.Providers() {
		table += "| " + strings.Join([]string{
			p.Title, gateCell(t, p), apiCell(t, p), senderCell(t, p),
			clausesCell(t, p, contract.Config), clausesCell(t, p, contract.Receiver), clausesCell(t, p, contract.Sender),
		}, " | ") + " |\n"
	}
	text, _ := readme(t)
	const begin, end = "<!-- go test . -run TestReadmePlatforms -update writes this table -->\n", "<!-- the end of the table -->\n"
	before, rest, opened := strings.Cut(text, begin)
	shown, after, closed := strings.Cut(rest, end)
	switch {
	case !opened || !closed:
		t.Fatal("the README has no place for the table of platforms")
	case *update && !t.Failed():
		if err := os.WriteFile("README.md", []byte(before+begin+table+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	case shown != table:
		t.Errorf("the README's table is not what the tests find: go test . -run TestReadmePlatforms -update writes\n%s", table)
	}
}

// gateCell tells by what the gate knows the platform's deliveries: it forwards a right one, and refuses it when its body, or
// the secret in its URL, is another.
func gateCell(t *testing.T, p contract.Provider) string {
	t.Helper()
	secret := []signature.Secret{newSecret(t, platformSecret)}
	g, err := gate.New(gate.Options{Provider: p, Secrets: secret})
	if err != nil {
		t.Fatalf("%s: %v", p.Name, err)
	}
	admit := func(h http.Header, urlSecret, body string) gate.Verdict {
		admission, v := g.Admit(t.Context(), gate.Request{
			Method: p.Methods[0], Header: h, URLSecret: urlSecret, Body: strings.NewReader(body), Length: int64(len(body)),
		})
		if admission != nil {
			err = errors.Join(err, admission.Release())
		}
		return v
	}
	const right, wrong = `{"id":"evt_1","type":"a.b","event":"c.d"}`, `{"id":"evt_2","type":"a.b","event":"c.d"}`
	var cell string
	var good, bad gate.Verdict
	if p.Unsigned() {
		cell, good, bad = "secret in the URL", admit(nil, platformSecret, right), admit(nil, platformSecret+"0", right)
	} else {
		h := signedHeader(t, p.Scheme, secret, right)
		cell, good, bad = "signature", admit(h, "", right), admit(h, "", wrong)
	}
	if err != nil || good.Decision != gate.Forward || !good.Verified || bad.Decision != gate.Refuse {
		t.Errorf("%s: the gate says %+v and %+v (%v)", p.Name, good, bad, err)
	}
	return cell
}

func newSecret(t *testing.T, text string) signature.Secret {
	t.Helper()
	secret, err := signature.NewSecret(text)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

func signedHeader(t *testing.T, s contract.Scheme, secrets []signature.Secret, body string) http.Header {
	t.Helper()
	signer, err := signature.NewSigner(signature.SignerOptions{Scheme: s, Secrets: secrets})
	if err != nil {
		t.Fatal(err)
	}
	fields, err := signer.Sign(signature.Message{ID: "evt_1", Time: time.Now(), Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	for _, f := range fields {
		h.Set(f.Name, f.Value)
	}
	return h
}

// mockOf starts the mock of a platform, or returns nil where the mock cannot be it.
func mockOf(t *testing.T, p contract.Provider) *mockserver.Mock {
	t.Helper()
	if !slices.Contains(mockserver.Providers(), p.Name) {
		return nil
	}
	return mockserver.New(t, func(o *mockserver.Options) { o.Provider = p.Name })
}

// apiCell counts the calls that the mock's description of itself has.
func apiCell(t *testing.T, p contract.Provider) string {
	t.Helper()
	m := mockOf(t, p)
	if m == nil {
		return nothing
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, m.URL+"/openapi.json", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var description struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&description); err != nil {
		t.Fatal(err)
	}
	calls := 0
	for path, operations := range description.Paths {
		for name := range operations {
			if name != "parameters" && !strings.HasPrefix(path, "/_mock/") {
				calls++
			}
		}
	}
	if calls == 0 {
		t.Errorf("%s: the mock describes no call", p.Name)
	}
	return fmt.Sprintf("%d calls", calls)
}

// senderCell has the mock deliver an event and tells whether it signed it.
func senderCell(t *testing.T, p contract.Provider) string {
	t.Helper()
	m := mockOf(t, p)
	if m == nil {
		return nothing
	}
	type arrival struct {
		header http.Header
		body   []byte
	}
	arrivals := make(chan arrival, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // what is cut short does not verify
		arrivals <- arrival{r.Header, body}
	}))
	defer receiver.Close()
	secret := m.SetWebhook(t, receiver.URL)
	event := client.Event{}
	if len(p.Events) > 0 {
		event.Type = p.Events[0].Type
	}
	if _, err := m.Client.Emit(t.Context(), event); err != nil {
		t.Fatalf("%s: %v", p.Name, err)
	}
	a := <-arrivals
	if p.Unsigned() {
		if secret != "" || len(a.body) == 0 {
			t.Errorf("%s: the mock has the secret %q and sends %q", p.Name, secret, a.body)
		}
		return "unsigned"
	}
	verifier, err := signature.NewVerifier(signature.Options{Scheme: p.Scheme, Secrets: []signature.Secret{newSecret(t, secret)}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verifier.Verify(a.header, a.body, time.Now()); err != nil {
		t.Errorf("%s: %v", p.Name, err)
	}
	return "signed"
}

// clausesCell counts the clauses that the suite judges a role of the platform by.
func clausesCell(t *testing.T, p contract.Provider, role contract.Role) string {
	t.Helper()
	judged := 0
	for line := range strings.Lines(listed(t, p, role)) {
		if cells := strings.Fields(line); len(cells) > 3 && cells[0] != "CLAUSE" {
			specs, err := strconv.Atoi(cells[3])
			if err != nil {
				t.Fatalf("reading the list of clauses: %v", err)
			}
			judged += min(specs, 1)
		}
	}
	if judged == 0 {
		return nothing
	}
	return strconv.Itoa(judged)
}

// listed is the suite's list of clauses; empty where it cannot judge the role of the platform.
func listed(t *testing.T, p contract.Provider, role contract.Role) string {
	t.Helper()
	var list bytes.Buffer
	err := conformance.List(&list, conformance.Config{Role: role, Provider: p.Name})
	if _, cannot := errors.AsType[*conformance.UsageError](err); err != nil && !cannot {
		t.Fatal(err)
	}
	return list.String()
}
