package signature

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
)

// TestExplainKeepsItsBudget counts the signatures that are computed.
func TestExplainKeepsItsBudget(t *testing.T) {
	t.Parallel()
	secret, err := NewSecret("whsec_YnVkZ2V0LWJ1ZGdldC1idWRnZXQtYnVkZ2V0IQ==")
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{contract.HeaderSignature: {"t=1,v1=" + strings.Repeat("0", 64)}}
	body := make([]byte, 10_000)
	e := &explainer{
		readings: readingsOf(contract.Dari().Schemes(), h), secrets: []Secret{secret, secret}, now: time.Unix(0, 0),
		budget: 7*len(body) + len(body)/2, sums: map[probe][32]byte{},
	}
	e.try(body, bodyForms, onlyOtherKeys)
	if len(e.sums) != 7 || e.budget < 0 {
		t.Errorf("%d signatures, and %d bytes of the budget left; want 7 signatures", len(e.sums), e.budget)
	}
}

func TestExplainReadsTwoTimestamps(t *testing.T) {
	t.Parallel()
	h := http.Header{}
	for i := range 20 {
		h.Add(contract.HeaderSignature, "t="+strconv.Itoa(i)+",v1="+strings.Repeat("0", 64))
		h.Add(contract.HeaderTimestamp, strconv.Itoa(100+i))
	}
	if readings := readingsOf([]contract.Scheme{contract.Dari().Scheme}, h); len(readings) != 2 {
		t.Errorf("%d readings, want 2", len(readings))
	}
}

// TestBodyFormsAreBounded gives the forms bodies whose rewriting would cost too much.
func TestBodyFormsAreBounded(t *testing.T) {
	t.Parallel()
	long := []byte(`{"a": "` + strings.Repeat("x", maxReserialized) + `"}`)
	if changed, ok := rewriting(BodyCompact, compactJSON).change(long); ok {
		t.Errorf("a body of %d bytes was rewritten to %d", len(long), len(changed))
	}
	deep := []byte(strings.Repeat("[", maxIndented+1) + strings.Repeat("]", maxIndented+1))
	if changed := indentedJSON(deep); !bytes.Equal(changed, deep) {
		t.Error("a body that nests too deep was indented")
	}
	if n := nesting([]byte(`{"[[\"[":[["\\"]]}`)); n != 3 {
		t.Errorf("nesting is %d, want 3: brackets in strings do not count", n)
	}
}
