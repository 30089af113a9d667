package signature_test

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/signature"
)

// fuzzSchemes are the schemes that the fuzz targets choose from: every form that a header can have.
func fuzzSchemes() []contract.Scheme { return append(contract.Dari().Schemes(), neighbors()...) }

// FuzzParse looks for two spellings of one header: whatever is parsed, and written again from what was understood, must
// be what came, but for the items that are ignored.
func FuzzParse(f *testing.F) {
	all := fuzzSchemes()
	seeds := 0
	for _, v := range vectors(f) {
		for i, s := range all {
			if lines := v.Request.Values(s.Header); len(lines) > 0 {
				f.Add(uint8(i), lines[0], strings.Join(v.Request.Values(s.TimestampHeader), "\n"), strings.Join(v.Request.Values(s.IDHeader), "\n"))
				seeds++
			}
		}
	}
	if seeds == 0 {
		f.Fatal("no seeds")
	}
	for i, s := range all {
		h := headerOf(sign(f, s, signature.Message{ID: "evt_1", Time: time.Unix(1767225600, 0)}, hidden))
		f.Add(uint8(i), h.Get(s.Header), h.Get(s.TimestampHeader), h.Get(s.IDHeader))
	}
	f.Fuzz(func(t *testing.T, index uint8, line, stamp, id string) {
		s := all[int(index)%len(all)]
		h := http.Header{}
		h.Set(s.Header, line)
		setIfNotEmpty(h, s.TimestampHeader, stamp)
		setIfNotEmpty(h, s.IDHeader, id)
		v := verifier(t, s, hidden)
		got, err := v.Parse(h)
		if err != nil {
			if e, ok := errors.AsType[*signature.Error](err); !ok || e.Code == "" || e.Clause == "" {
				t.Fatalf("the error is no refusal: %v", err)
			}
			return
		}
		canonical(t, s, got, line, stamp, id)
	})
}

// setIfNotEmpty sets a header that the scheme has.
func setIfNotEmpty(h http.Header, name, value string) {
	if name != "" && value != "" {
		h.Set(name, value)
	}
}

// canonical checks that what was parsed leaves one way to write what was trusted. The signature's bytes are not to be had
// from a Signature, so it is enough that each value has the one spelling of its own bytes.
func canonical(t *testing.T, s contract.Scheme, got signature.Signature, line, stamp, id string) {
	t.Helper()
	values, stamps := []string{line}, []string(nil)
	if s.Tag != "" {
		values, stamps = trusted(t, s, line)
	}
	if len(values) != got.Len() || len(values) == 0 || len(values) > contract.MaxSignatures {
		t.Fatalf("%d signatures from %d values of %q", got.Len(), len(values), line)
	}
	for _, value := range values {
		if again := respelled(t, s.Encoding, value); again != value {
			t.Fatalf("value %q is written %q", value, again)
		}
	}
	if s.TimestampHeader != "" && stamp != "" {
		stamps = append(stamps, stamp)
	}
	at, dated := got.Timestamp()
	for _, text := range stamps {
		if again := strconv.FormatInt(at.Unix(), 10); !dated || again != text {
			t.Fatalf("timestamp %q is written %q", text, again)
		}
	}
	if dated && len(stamps) == 0 {
		t.Fatalf("time %v comes from nowhere", at)
	}
	if s.Content.Signs("id") && (got.ID() != id || strings.Contains(id, ".") || id == "") {
		t.Fatalf("id %q is read as %q", id, got.ID())
	}
}

// trusted takes a header apart and checks that it can be put together again.
func trusted(t *testing.T, s contract.Scheme, line string) (values, stamps []string) {
	t.Helper()
	items := []string{line}
	if s.ItemSeparator != "" {
		items = strings.Split(line, s.ItemSeparator)
	}
	for _, item := range items {
		tag, value, ok := strings.Cut(item, s.TagSeparator)
		if !ok || tag == "" || value == "" || strings.ContainsFunc(item, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Fatalf("item %q passed in %q", item, line)
		}
		switch tag {
		case s.Tag:
			values = append(values, value)
		case s.TimestampTag:
			stamps = append(stamps, value)
		}
	}
	if len(stamps) > 1 {
		t.Fatalf("two timestamps passed in %q", line)
	}
	return values, stamps
}

// respelled decodes a value with all tolerance and encodes it again.
func respelled(t *testing.T, e contract.Encoding, value string) string {
	t.Helper()
	if e == contract.Base64 {
		sum, err := base64.StdEncoding.DecodeString(value)
		if err != nil || len(sum) != 32 {
			t.Fatalf("value %q passed: %v", value, err)
		}
		return base64.StdEncoding.EncodeToString(sum)
	}
	sum, err := hex.DecodeString(value)
	if err != nil || len(sum) != 32 {
		t.Fatalf("value %q passed: %v", value, err)
	}
	return hex.EncodeToString(sum)
}

// FuzzVerify compares Verify with a signature that is computed as plainly as can be.
func FuzzVerify(f *testing.F) {
	all := fuzzSchemes()
	for _, v := range vectors(f) {
		f.Add(uint8(0), hidden, v.Request.Body, int64(1767225600), "evt_1", uint16(3))
	}
	for i := range all {
		f.Add(uint8(i), hidden, []byte(`{"id":"evt_1"}`), int64(1767225600), "evt_1", uint16(0))
	}
	f.Fuzz(func(t *testing.T, index uint8, secret string, body []byte, seconds int64, id string, flip uint16) {
		s := all[int(index)%len(all)]
		known, err := signature.NewSecret(secret)
		if err != nil {
			return
		}
		signer, err := signature.NewSigner(signature.SignerOptions{Scheme: s, Secrets: []signature.Secret{known}})
		if err != nil {
			return
		}
		at := time.Unix(seconds, 0)
		fields, err := signer.Sign(signature.Message{ID: id, Time: at, Body: body})
		if err != nil {
			return
		}
		h := headerOf(fields)
		value := naive(t, s, secret, strconv.FormatInt(seconds, 10), id, body)
		if !strings.Contains(h.Get(s.Header), value) {
			t.Fatalf("header %q does not hold %s", h.Get(s.Header), value)
		}
		v := verifier(t, s, hidden, secret)
		if got, err := v.Verify(h, body, at); err != nil {
			t.Fatalf("verified %+v, error %v", got, err)
		}
		h.Set(s.Header, strings.Replace(h.Get(s.Header), value, flipped(value, flip, s.Encoding), 1))
		if _, err := v.Verify(h, body, at); err == nil {
			t.Fatalf("header %q is accepted with a changed signature", h.Get(s.Header))
		}
	})
}

// flipped changes one bit of an encoded signature.
func flipped(value string, bit uint16, e contract.Encoding) string {
	var sum []byte
	if e == contract.Base64 {
		sum, _ = base64.StdEncoding.DecodeString(value)
	} else {
		sum, _ = hex.DecodeString(value)
	}
	sum[int(bit/8)%len(sum)] ^= 1 << (bit % 8)
	if e == contract.Base64 {
		return base64.StdEncoding.EncodeToString(sum)
	}
	return hex.EncodeToString(sum)
}

// FuzzExplain looks for requests that Explain trips over, and for secrets or signatures in what it says.
func FuzzExplain(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(strings.Join(v.Request.Values(contract.HeaderSignature), "\n"), strings.Join(v.Request.Values(contract.HeaderTimestamp), "\n"), v.Request.Body)
	}
	known := secrets(f, hidden)
	f.Fuzz(func(t *testing.T, line, stamp string, body []byte) {
		h := http.Header{contract.HeaderSignature: strings.Split(line, "\n"), contract.HeaderTimestamp: strings.Split(stamp, "\n")}
		findings := signature.Explain(fuzzSchemes(), known, h, body, time.Unix(1767225600, 0))
		if len(findings) > signature.MaxFindings {
			t.Fatalf("%d findings", len(findings))
		}
	})
}
