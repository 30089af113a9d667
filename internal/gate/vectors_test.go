package gate_test

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/fixtures"
	"github.com/darihook/darihook/internal/gate"
	"github.com/darihook/darihook/signature"
)

// TestVectors judges every vector of the fixtures, which were computed without this module's own signing.
func TestVectors(t *testing.T) {
	t.Parallel()
	vectors, err := fixtures.Vectors()
	if err != nil || len(vectors) == 0 {
		t.Fatalf("%d vectors, error %v", len(vectors), err)
	}
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			testVector(t, v)
		})
	}
}

func testVector(t *testing.T, v fixtures.Vector) {
	provider, ok := contract.ProviderFor(v.Provider)
	if !ok {
		t.Fatalf("unknown provider %q", v.Provider)
	}
	past, future := v.Tolerance.Window()
	g, err := gate.New(gate.Options{
		Provider: provider, Scheme: v.Scheme, Secrets: secrets(t, v.Secrets...), MaxBody: v.MaxBody,
		Window: signature.Window{Past: past, Future: future}, Now: func() time.Time { return v.Now },
	})
	if err != nil {
		t.Fatal(err)
	}
	a, verdict := g.Admit(t.Context(), gate.Request{
		Method: v.Request.Method, Header: v.Request,
		Body: bytes.NewReader(v.Request.Body), Length: int64(len(v.Request.Body)),
	})
	if v.Expect.Verdict == fixtures.Refuse {
		if verdict.Decision != gate.Refuse || verdict.Code != v.Expect.Code || a != nil {
			t.Fatalf("%+v, want a refusal with %s", verdict, v.Expect.Code)
		}
		return
	}
	if verdict.Decision != gate.Forward || verdict.Delivery.ID != v.Expect.ID {
		t.Fatalf("%+v, want it forwarded as %q", verdict, v.Expect.ID)
	}
	if body, err := io.ReadAll(a.Body()); err != nil || !bytes.Equal(body, v.Request.Body) {
		t.Errorf("the receiver gets %q (%v), want what was signed", body, err)
	}
	if err := a.Release(); err != nil {
		t.Error(err)
	}
}
