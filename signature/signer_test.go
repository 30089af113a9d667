package signature_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/signature"
)

func TestNewSignerRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		options signature.SignerOptions
		want    error
	}{
		"fail/no secret":          {signature.SignerOptions{Scheme: contract.Dari().Scheme}, signature.ErrNoSecret},
		"fail/17 secrets":         {signature.SignerOptions{Scheme: contract.Dari().Scheme, Secrets: secrets(t, slices.Repeat([]string{hidden}, 17)...)}, signature.ErrTooManySecrets},
		"fail/two in a bare one":  {signature.SignerOptions{Scheme: neighbor(t, "shopify"), Secrets: secrets(t, hidden, hidden)}, signature.ErrOneSecret},
		"fail/two in one item":    {signature.SignerOptions{Scheme: neighbor(t, "github"), Secrets: secrets(t, hidden, hidden)}, signature.ErrOneSecret},
		"fail/secret's encoding":  {signature.SignerOptions{Scheme: neighbor(t, "standard-webhooks"), Secrets: secrets(t, "no base64")}, signature.ErrSecretEncoding},
		"ok/two in a list":        {signature.SignerOptions{Scheme: neighbor(t, "standard-webhooks"), Secrets: secrets(t, hidden, hidden)}, nil},
		"ok/sixteen in a default": {signature.SignerOptions{Scheme: contract.Dari().Scheme, Secrets: secrets(t, slices.Repeat([]string{hidden}, 16)...)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := signature.NewSigner(c.options); !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
		})
	}
}

func TestSignRefuses(t *testing.T) {
	t.Parallel()
	now := time.Unix(1767225600, 0)
	signedID, _ := contract.Dari().SchemeFor("dari-id")
	undated := neighbor(t, "github")
	for name, c := range map[string]struct {
		scheme  contract.Scheme
		message signature.Message
		want    error
	}{
		"fail/no time":            {contract.Dari().Scheme, signature.Message{ID: "evt_1"}, signature.ErrMessageTime},
		"fail/before 1970":        {contract.Dari().Scheme, signature.Message{ID: "evt_1", Time: time.Unix(-1, 0)}, signature.ErrMessageTime},
		"fail/13 digits":          {contract.Dari().Scheme, signature.Message{ID: "evt_1", Time: time.Unix(1e12, 0)}, signature.ErrMessageTime},
		"ok/12 digits":            {contract.Dari().Scheme, signature.Message{ID: "evt_1", Time: time.Unix(1e12-1, 0)}, nil},
		"ok/1970":                 {contract.Dari().Scheme, signature.Message{ID: "evt_1", Time: time.Unix(0, 0)}, nil},
		"ok/undated":              {undated, signature.Message{ID: "evt_1"}, nil},
		"ok/unsigned id absent":   {contract.Dari().Scheme, signature.Message{Time: now}, nil},
		"ok/unsigned id with dot": {contract.Dari().Scheme, signature.Message{ID: "evt.1", Time: now}, nil},
		"fail/id with newline":    {contract.Dari().Scheme, signature.Message{ID: "evt\r\nX: y", Time: now}, signature.ErrMessageID},
		"fail/id of 256 bytes":    {contract.Dari().Scheme, signature.Message{ID: strings.Repeat("e", 256), Time: now}, signature.ErrMessageID},
		"fail/signed id absent":   {signedID, signature.Message{Time: now}, signature.ErrMessageID},
		"fail/signed id with dot": {signedID, signature.Message{ID: "evt.1", Time: now}, signature.ErrMessageID},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			signer, err := signature.NewSigner(signature.SignerOptions{Scheme: c.scheme, Secrets: secrets(t, hidden)})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := signer.Sign(c.message); !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
		})
	}
}

func TestSignWritesOneValueForEachSecret(t *testing.T) {
	t.Parallel()
	s := contract.Dari().Scheme
	m := signature.Message{ID: "evt_1", Time: time.Unix(1767225600, 999_999_999), Body: []byte("{}")}
	got := sign(t, s, m, hidden, "another")
	want := []signature.Field{
		{contract.HeaderSignature, "t=1767225600,v1=" + naive(t, s, hidden, "1767225600", "", m.Body) +
			",v1=" + naive(t, s, "another", "1767225600", "", m.Body)},
		{contract.HeaderTimestamp, "1767225600"},
		{contract.HeaderID, "evt_1"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("fields %q, want %q", got, want)
	}
}
