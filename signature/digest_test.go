package signature_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/signature"
)

// sealed is a signed request together with its verifier.
type sealed struct {
	verifier  *signature.Verifier
	signature signature.Signature
	body      []byte
}

// seal signs a body under Dari's default scheme, for receivers that know all of the secrets.
func seal(tb testing.TB, body string, signWith string, known ...string) sealed {
	tb.Helper()
	s := contract.Dari().Scheme
	v := verifier(tb, s, known...)
	m := signature.Message{ID: "evt_1", Time: time.Unix(1767225600, 0), Body: []byte(body)}
	parsed, err := v.Parse(headerOf(sign(tb, s, m, signWith)))
	if err != nil {
		tb.Fatal(err)
	}
	return sealed{v, parsed, m.Body}
}

func TestDigestInPieces(t *testing.T) {
	t.Parallel()
	r := seal(t, "a body in pieces", hidden, "another", hidden)
	d := r.verifier.Digest(&r.signature)
	defer d.Close()
	for i := range r.body {
		if _, ok := d.Match(); ok {
			t.Fatalf("the first %d bytes match", i)
		}
		if n, err := d.Write(r.body[i : i+1]); n != 1 || err != nil {
			t.Fatalf("wrote %d, error %v", n, err)
		}
	}
	for range 2 {
		if secret, ok := d.Match(); secret != 1 || !ok {
			t.Errorf("secret %d, %v; want secret 1", secret, ok)
		}
	}
	if _, err := d.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, ok := d.Match(); ok {
		t.Error("a byte more still matches")
	}
}

func TestDigestAfterClose(t *testing.T) {
	t.Parallel()
	r := seal(t, "body", hidden, hidden)
	stale := r.verifier.Digest(&r.signature)
	if _, err := stale.Write(r.body); err != nil {
		t.Fatal(err)
	}
	stale.Close()
	stale.Close()
	if _, err := stale.Write(r.body); !errors.Is(err, signature.ErrClosed) {
		t.Errorf("write after close: error %v, want %v", err, signature.ErrClosed)
	}
	if _, ok := stale.Match(); ok {
		t.Error("a closed digest matches")
	}
	// What the pool now hands out must be out of the closed digest's reach, and know nothing of its body.
	for range 10 {
		fresh := r.verifier.Digest(&r.signature)
		if _, ok := fresh.Match(); ok {
			t.Error("the next digest begins with the last one's body")
		}
		_, _ = stale.Write([]byte("x"))
		stale.Close()
		if _, err := fresh.Write(r.body); err != nil {
			t.Fatal(err)
		}
		if _, ok := fresh.Match(); !ok {
			t.Error("a closed digest reaches into the next one")
		}
		fresh.Close()
	}
}

func TestDigestsInParallel(t *testing.T) {
	t.Parallel()
	right, wrong := seal(t, "right", hidden, hidden), seal(t, "wrong", "another", "another")
	wrong.verifier = right.verifier
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			r, want := right, true
			if i%2 == 1 {
				r, want = wrong, false
			}
			for range 200 {
				d := r.verifier.Digest(&r.signature)
				_, _ = d.Write(r.body)
				if _, ok := d.Match(); ok != want {
					t.Errorf("match is %v, want %v", ok, want)
				}
				d.Close()
			}
		})
	}
	all.Wait()
}
