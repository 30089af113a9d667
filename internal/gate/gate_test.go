package gate_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/dedup"
	"github.com/darihook/darihook/internal/dedup/memory"
	"github.com/darihook/darihook/internal/gate"
	"github.com/darihook/darihook/signature"
)

const secretText = "whsec_0123456789abcdef0123456789abcdef"

func secrets(t testing.TB, texts ...string) []signature.Secret {
	t.Helper()
	var all []signature.Secret
	for _, text := range texts {
		s, err := signature.NewSecret(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

// newGate returns a gate for Dari's deliveries, with what change makes of its options.
func newGate(t testing.TB, change func(*gate.Options)) *gate.Gate {
	t.Helper()
	opts := gate.Options{Provider: contract.Dari(), Secrets: secrets(t, secretText)}
	if change != nil {
		change(&opts)
	}
	g, err := gate.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// newStore returns a store in memory that the test closes.
func newStore(t testing.TB) dedup.Store {
	t.Helper()
	s, err := memory.New(memory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// delivery is a signed request with a body that names the id.
func delivery(t testing.TB, id string) gate.Request { return signed(t, eventBody(id)) }

func eventBody(id string) string {
	return fmt.Sprintf(`{"id":%q,"type":"session.completed","created_at":%q,"data":{"session_id":"sess_1"}}`,
		id, time.Now().UTC().Format(time.RFC3339))
}

// signed is a request with a right signature of now.
func signed(t testing.TB, body string) gate.Request {
	t.Helper()
	return signedBy(t, contract.Dari().Scheme, "", body)
}

func signedBy(t testing.TB, scheme contract.Scheme, id, body string) gate.Request {
	t.Helper()
	signer, err := signature.NewSigner(signature.SignerOptions{Scheme: scheme, Secrets: secrets(t, secretText)})
	if err != nil {
		t.Fatal(err)
	}
	fields, err := signer.Sign(signature.Message{ID: id, Time: time.Now(), Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	h := make(http.Header)
	for _, f := range fields {
		h.Set(f.Name, f.Value)
	}
	return gate.Request{Method: http.MethodPost, Header: h, Body: strings.NewReader(body), Length: int64(len(body))}
}

// admitted demands that a request be forwarded.
func admitted(t testing.TB, g *gate.Gate, r gate.Request) *gate.Admission {
	t.Helper()
	a, v := g.Admit(t.Context(), r)
	if v.Decision != gate.Forward || a == nil {
		t.Fatalf("%+v, want it forwarded", v)
	}
	return a
}

// refused demands that a request be refused with a code.
func refused(t testing.TB, g *gate.Gate, r gate.Request, code contract.Code) gate.Verdict {
	t.Helper()
	a, v := g.Admit(t.Context(), r)
	if v.Decision != gate.Refuse || v.Code != code || a != nil {
		t.Fatalf("%+v, want it refused with %s", v, code)
	}
	if want, _ := contract.RefusalFor(code); want.Retry != (v.RetryAfter > 0) {
		t.Errorf("retry after %s, but retrying is %t", v.RetryAfter, want.Retry)
	}
	return v
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*gate.Options){
		"fail/no secret":       func(o *gate.Options) { o.Secrets = nil },
		"fail/no provider":     func(o *gate.Options) { o.Provider = contract.Provider{} },
		"fail/negative body":   func(o *gate.Options) { o.MaxBody = -1 },
		"fail/huge body":       func(o *gate.Options) { o.MaxBody = 1 << 40 },
		"fail/small budget":    func(o *gate.Options) { o.BodyBudget = 1 << 20 },
		"fail/negative ttl":    func(o *gate.Options) { o.TTL = -1 },
		"fail/negative window": func(o *gate.Options) { o.Window.Past = -1 },
		"fail/long scope":      func(o *gate.Options) { o.Scope = strings.Repeat("s", dedup.MaxScopeLength+1) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := gate.Options{Provider: contract.Dari(), Secrets: secrets(t, secretText)}
			change(&opts)
			if _, err := gate.New(opts); err == nil {
				t.Error("no error")
			}
		})
	}
}

// reading fails the test when a request is refused after its body has been touched.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

func TestHeadIsJudgedBeforeTheBody(t *testing.T) {
	t.Parallel()
	g := newGate(t, func(o *gate.Options) { o.MaxBody = 1000 })
	for name, row := range map[string]struct {
		change func(*gate.Request)
		code   contract.Code
	}{
		"fail/method": {func(r *gate.Request) { r.Method = http.MethodPut }, contract.CodeMethodNotAllowed},
		"fail/no signature": {func(r *gate.Request) { r.Header.(http.Header).Del(contract.HeaderSignature) },
			contract.CodeSignatureMissing},
		"fail/malformed": {func(r *gate.Request) { r.Header.(http.Header).Set(contract.HeaderSignature, "t=1,v1=zz") },
			contract.CodeSignatureMalformed},
		"fail/declared length": {func(r *gate.Request) { r.Length = 1001 }, contract.CodeBodyTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := delivery(t, "evt_1")
			r.Body = unread{t}
			row.change(&r)
			refused(t, g, r, row.code)
		})
	}
}

// chunks brings a few bytes at a time and ends with err.
type chunks struct {
	rest []byte
	size int
	err  error
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		return 0, c.err
	}
	n := copy(p, c.rest[:min(c.size, len(c.rest))])
	c.rest = c.rest[n:]
	return n, nil
}

func TestBody(t *testing.T) {
	t.Parallel()
	const limit = 100_000
	body := func(n int) string {
		head, tail := `{"id":"evt_1","x":"`, `"}`
		return head + strings.Repeat("a", n-len(head)-len(tail)) + tail
	}
	for name, row := range map[string]struct {
		body     string
		declared bool
		err      error
		code     contract.Code
	}{
		"ok/small":                  {body(64), true, io.EOF, ""},
		"ok/buffer exactly":         {body(4096), true, io.EOF, ""},
		"ok/first buffer exactly":   {body(16 << 10), false, io.EOF, ""},
		"ok/limit":                  {body(limit), true, io.EOF, ""},
		"ok/limit, undeclared":      {body(limit), false, io.EOF, ""},
		"fail/over the limit":       {body(limit + 1), false, io.EOF, contract.CodeBodyTooLarge},
		"fail/far over the limit":   {body(10 * limit), false, io.EOF, contract.CodeBodyTooLarge},
		"fail/limit elsewhere":      {body(64), true, fmt.Errorf("reading: %w", &http.MaxBytesError{Limit: 10}), contract.CodeBodyTooLarge},
		"fail/cut":                  {body(64), false, io.ErrUnexpectedEOF, contract.CodeBodyUnreadable},
		"fail/reader without bytes": {body(64), false, nil, contract.CodeBodyUnreadable},
		"fail/empty":                {"", true, io.EOF, contract.CodeBodyInvalid},
	} {
		for _, size := range []int{1 << 20, 777} {
			t.Run(fmt.Sprintf("%s/%d", name, size), func(t *testing.T) {
				t.Parallel()
				g := newGate(t, func(o *gate.Options) { o.MaxBody = limit })
				r := signed(t, row.body)
				r.Body = &chunks{[]byte(row.body), size, row.err}
				if !row.declared {
					r.Length = -1
				}
				if row.code != "" {
					refused(t, g, r, row.code)
				} else {
					a := admitted(t, g, r)
					for range 2 { // a transport may want to begin again
						if got, err := io.ReadAll(a.Body()); err != nil || string(got) != row.body {
							t.Errorf("%d bytes (%v), want %d", len(got), err, len(row.body))
						}
					}
					_ = a.Release()
				}
				if s := g.Stats(); s.BodyBytes != 0 || s.InFlight != 0 {
					t.Errorf("left over: %+v", s)
				}
			})
		}
	}
}

// TestCauseTellsNothingOfTheRequest has a server of net/http read bodies that are framed wrongly, with a word in them that is
// nobody else's: its errors quote it, and the verdict's cause goes into a log.
func TestCauseTellsNothingOfTheRequest(t *testing.T) {
	t.Parallel()
	const word = "hunter2"
	for name, row := range map[string]struct{ sent, want string }{
		"fail/trailer without colon": {"1\r\n{\r\n0\r\nX-Sum " + word + "\r\n\r\n", "the body could not be read to its end"},
		"fail/trailer of two lines":  {"1\r\n{\r\n0\r\n X-Sum: " + word + "\r\n\r\n", "the body could not be read to its end"},
		"fail/chunk of no length":    {word + "\r\n", "the body could not be read to its end"},
		"fail/cut":                   {"9\r\n" + word, "unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			head := "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
			sent, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head + row.sent)))
			if err != nil {
				t.Fatal(err)
			}
			r := delivery(t, "evt_1")
			r.Body, r.Length = sent.Body, -1
			if v := refused(t, newGate(t, nil), r, contract.CodeBodyUnreadable); v.Cause == nil || v.Cause.Error() != row.want {
				t.Errorf("cause %v, want %s", v.Cause, row.want)
			}
		})
	}
}

func TestDeclaredLengthMustBeKept(t *testing.T) {
	t.Parallel()
	g := newGate(t, nil)
	for _, off := range []int64{-1, 1} {
		r := delivery(t, "evt_1")
		r.Length += off
		refused(t, g, r, contract.CodeBodyUnreadable)
	}
}

func TestBudgetBoundsBodies(t *testing.T) {
	t.Parallel()
	g := newGate(t, func(o *gate.Options) { o.MaxBody, o.BodyBudget = 8000, 16<<10 })
	first, second := admitted(t, g, delivery(t, "evt_1")), admitted(t, g, delivery(t, "evt_2"))
	third, fourth := admitted(t, g, delivery(t, "evt_3")), admitted(t, g, delivery(t, "evt_4"))
	refused(t, g, delivery(t, "evt_5"), contract.CodeOverloaded)
	for _, a := range []*gate.Admission{first, second, third, fourth} {
		_ = a.Release()
	}
	_ = admitted(t, g, delivery(t, "evt_5")).Release()
	if s := g.Stats(); s.BodyBytes != 0 {
		t.Errorf("%d bytes left over", s.BodyBytes)
	}
}

func TestBodyIsGoneAfterTheEnd(t *testing.T) {
	t.Parallel()
	g := newGate(t, nil)
	a := admitted(t, g, delivery(t, "evt_1"))
	body := a.Body()
	if _, err := io.ReadFull(body, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	if err := a.Commit(http.StatusOK); err != nil {
		t.Fatal(err)
	}
	other := admitted(t, g, delivery(t, "evt_2")) // takes the buffer over
	defer func() { _ = other.Release() }()
	if n, err := body.Read(make([]byte, 10)); n != 0 || !errors.Is(err, gate.ErrEnded) {
		t.Errorf("%d bytes and error %v after the end", n, err)
	}
}

func TestUnsignedIDMustBeTheSignedOne(t *testing.T) {
	t.Parallel()
	g := newGate(t, nil)
	for name, row := range map[string]struct {
		headers []string
		ok      bool
	}{
		"ok/none":          {nil, true},
		"ok/same":          {[]string{"evt_1"}, true},
		"ok/same twice":    {[]string{"evt_1", "evt_1"}, true},
		"fail/other":       {[]string{"evt_2"}, false},
		"fail/other after": {[]string{"evt_1", "evt_2"}, false},
		"fail/empty":       {[]string{""}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := delivery(t, "evt_1")
			r.Header.(http.Header)[contract.HeaderID] = row.headers
			if row.ok {
				_ = admitted(t, g, r).Release()
				return
			}
			refused(t, g, r, contract.CodeIDMismatch)
		})
	}
}

// schemeOf returns one of Dari's candidate schemes.
func schemeOf(t *testing.T, name string) contract.Scheme {
	t.Helper()
	s, ok := contract.Dari().SchemeFor(name)
	if !ok {
		t.Fatalf("no scheme %q", name)
	}
	return s
}

func TestUnsignedTimestampIsJudgedByTheBodyToo(t *testing.T) {
	t.Parallel()
	scheme := schemeOf(t, "dari-body")
	g := newGate(t, func(o *gate.Options) { o.Scheme = scheme })
	body := func(at string) string { return `{"id":"evt_1","created_at":"` + at + `"}` }
	now := time.Now().UTC()
	for name, row := range map[string]struct {
		body string
		code contract.Code
	}{
		"ok/now":         {body(now.Format(time.RFC3339Nano)), ""},
		"ok/absent":      {`{"id":"evt_1"}`, ""},
		"fail/old":       {body(now.Add(-time.Hour).Format(time.RFC3339)), contract.CodeTimestampStale},
		"fail/ahead":     {body(now.Add(time.Hour).Format(time.RFC3339)), contract.CodeTimestampFuture},
		"fail/malformed": {body("yesterday"), contract.CodeTimestampMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := signedBy(t, scheme, "", row.body)
			if row.code == "" {
				_ = admitted(t, g, r).Release()
				return
			}
			if v := refused(t, g, r, row.code); strings.HasPrefix(name, "fail/o") && v.Clause != "TIME-007" {
				t.Errorf("clause %s", v.Clause)
			}
		})
	}
}

func TestTimeFromTheBodyAlone(t *testing.T) {
	t.Parallel()
	scheme := schemeOf(t, "dari-body-timestamp-field")
	g := newGate(t, func(o *gate.Options) { o.Scheme = scheme })
	refused(t, g, signedBy(t, scheme, "", `{"id":"evt_1"}`), contract.CodeTimestampMissing)
	at := time.Now().UTC().Truncate(time.Second)
	a, v := g.Admit(t.Context(), signedBy(t, scheme, "", `{"id":"evt_1","created_at":"`+at.Format(time.RFC3339)+`"}`))
	if v.Decision != gate.Forward || !v.Delivery.Time.Equal(at) {
		t.Fatalf("%+v, want it forwarded with time %s", v, at)
	}
	_ = a.Release()
}

func TestProviderWithoutAnIDIsKeyedByTheBody(t *testing.T) {
	t.Parallel()
	provider := contract.Dari()
	provider.Envelope = contract.Envelope{Type: "type"}
	g := newGate(t, func(o *gate.Options) { o.Provider, o.Store = provider, newStore(t) })
	body := `{"type":"x"}`
	a, v := g.Admit(t.Context(), signed(t, body))
	if v.Decision != gate.Forward || !strings.HasPrefix(v.Delivery.ID, "sha256:") {
		t.Fatalf("%+v, want it forwarded under a hash", v)
	}
	if err := a.Commit(http.StatusNoContent); err != nil {
		t.Fatal(err)
	}
	if _, v := g.Admit(t.Context(), signed(t, body)); v.Decision != gate.Duplicate || v.Status != http.StatusNoContent {
		t.Errorf("%+v, want a duplicate", v)
	}
	_ = admitted(t, g, signed(t, body+" ")).Release()
}

func TestSecretsAreExchanged(t *testing.T) {
	t.Parallel()
	g := newGate(t, nil)
	other := secrets(t, "whsec_another_secret_of_good_length")
	if err := g.SetSecrets(other); err != nil {
		t.Fatal(err)
	}
	refused(t, g, delivery(t, "evt_1"), contract.CodeSignatureMismatch)
	if err := g.SetSecrets(nil); !errors.Is(err, signature.ErrNoSecret) {
		t.Errorf("error %v, want ErrNoSecret", err)
	}
	if err := g.SetSecrets(append(other, secrets(t, secretText)...)); err != nil {
		t.Fatal(err)
	}
	_ = admitted(t, g, delivery(t, "evt_1")).Release()
}

func TestObserving(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	g := newGate(t, func(o *gate.Options) { o.Observe, o.Store, o.MaxBody = true, store, 1000 })
	long := strings.Repeat("x", 5000)
	for name, row := range map[string]struct {
		request gate.Request
		code    contract.Code
		body    string
	}{
		"ok/verified":      {signed(t, `{"id":"evt_1"}`), "", `{"id":"evt_1"}`},
		"fail/method":      {gate.Request{Method: "GET", Header: http.Header{}, Body: strings.NewReader("a")}, contract.CodeMethodNotAllowed, "a"},
		"fail/invalid":     {signed(t, `nonsense`), contract.CodeBodyInvalid, `nonsense`},
		"fail/too long":    {signed(t, long), contract.CodeBodyTooLarge, long},
		"fail/streamed":    {streamed(signed(t, long)), contract.CodeBodyTooLarge, long},
		"fail/wrong bytes": {gate.Request{Method: "POST", Header: signed(t, "a").Header, Body: strings.NewReader("b"), Length: 1}, contract.CodeSignatureMismatch, "b"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, v := g.Admit(t.Context(), row.request)
			if a == nil || v.Decision != gate.Forward || v.Code != row.code || v.Verified != (row.code == "") {
				t.Fatalf("%+v, want it forwarded with code %q", v, row.code)
			}
			body, err := io.ReadAll(a.Body())
			if err != nil || string(body) != row.body {
				t.Errorf("got %d bytes (%v), want %d", len(body), err, len(row.body))
			}
			if err := a.Release(); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() {
		if s := store.Stats(); s.InFlight != 0 || s.Done != 0 {
			t.Errorf("the store was used: %+v", s)
		}
	})
}

func streamed(r gate.Request) gate.Request {
	r.Length = -1
	return r
}

func TestDrain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, nil)
		a := admitted(t, g, delivery(t, "evt_1"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := g.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v while a delivery is under way", err)
		}
		done := make(chan error)
		go func() { done <- g.Drain(t.Context()) }()
		synctest.Wait()
		_ = a.Release()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestMismatchTellsWhatWasSigned shows that the operator hears of other signed content also where the platform has no scheme
// for it, and that nothing is accepted for it.
func TestMismatchTellsWhatWasSigned(t *testing.T) {
	t.Parallel()
	seen := new(witness)
	g := newGate(t, func(o *gate.Options) { o.Provider, o.Observer = contract.Stripe(), seen })
	other := contract.Stripe().Scheme
	other.Content = contract.ContentBody
	refused(t, g, signedBy(t, other, "", eventBody("evt_1")), contract.CodeSignatureMismatch)
	if len(seen.findings) != 1 || seen.findings[0].Scheme != "stripe signing {body}" {
		t.Errorf("the operator hears of %v", seen.findings)
	}
}
