package signature_test

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/signature"
)

// TestSecretMistakes shows what is taken for a secret that was copied together with something else: refused where a
// platform's secret is inside, doubted where it may all belong to it.
func TestSecretMistakes(t *testing.T) {
	t.Parallel()
	const bare, other = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
	for name, row := range map[string]struct {
		text    string
		refused error
		doubt   signature.Mistake
	}{
		"ok/prefixed":              {hidden, nil, ""},
		"ok/bare":                  {bare, nil, ""},
		"ok/base64":                {"aGlkZGVuLWhpZGRlbi1oaWRkZW4taGlkZA==", nil, ""},
		"ok/a sentence":            {"correct horse battery staple", nil, ""},
		"ok/not English":           {"schöner Schlüssel № 7", nil, ""},
		"ok/a hash sign":           {"a#b#c", nil, ""},
		"ok/a lone quote":          {`"abc`, nil, ""},
		"fail/byte order mark":     {"\uFEFF" + hidden, signature.ErrSecretMark, ""},
		"fail/UTF-16, little":      {"\xff\xfew\x00h\x00", signature.ErrSecretUTF16, ""},
		"fail/UTF-16, big":         {"\xfe\xff\x00w\x00h", signature.ErrSecretUTF16, ""},
		"fail/UTF-16, no mark":     {"w\x00h\x00s", signature.ErrSecretUTF16, ""},
		"fail/Latin-1":             {"sch\xf6ner", signature.ErrSecretText, ""},
		"fail/lone CR":             {hidden + "\r" + hidden, signature.ErrSecretInvisible, ""},
		"fail/line feed":           {hidden + "\n" + hidden, signature.ErrSecretInvisible, ""},
		"fail/zero width":          {hidden + "\u200b", signature.ErrSecretInvisible, ""},
		"fail/no-break space":      {"a\u00a0b", signature.ErrSecretInvisible, ""},
		"fail/quotes":              {`"` + hidden + `"`, signature.ErrSecretMistake, ""},
		"fail/single quotes":       {"'" + hidden + "'", signature.ErrSecretMistake, ""},
		"fail/typographic quotes":  {"“" + hidden + "”", signature.ErrSecretMistake, ""},
		"fail/half a pair":         {`"` + hidden, signature.ErrSecretMistake, ""},
		"fail/name":                {"DARI_WEBHOOK_SECRET=" + hidden, signature.ErrSecretMistake, ""},
		"fail/export":              {`export A="` + hidden + `" # production`, signature.ErrSecretMistake, ""},
		"fail/YAML":                {"secret: " + hidden, signature.ErrSecretMistake, ""},
		"fail/comment":             {hidden + "  # production", signature.ErrSecretMistake, ""},
		"fail/two":                 {hidden + "," + hidden, signature.ErrSecretMistake, ""},
		"fail/two, with blanks":    {hidden + ", " + hidden, signature.ErrSecretMistake, ""},
		"fail/version":             {"v1," + hidden, signature.ErrSecretMistake, ""},
		"fail/version of the key":  {"v1a,whpk_AAAA", signature.ErrSecretMistake, ""},
		"fail/escape":              {hidden + `\n`, signature.ErrSecretMistake, ""},
		"doubt/quotes":             {`"` + bare + `"`, nil, signature.MistakeQuotes},
		"doubt/name":               {"SECRET=" + bare, nil, signature.MistakeName},
		"doubt/comment":            {bare + " # production", nil, signature.MistakeComment},
		"doubt/two":                {bare + "," + other, nil, signature.MistakeList},
		"doubt/version":            {"v1," + bare, nil, signature.MistakeVersion},
		"doubt/escape":             {bare + `\n`, nil, signature.MistakeEscape},
		"doubt/variable":           {"$DARI_WEBHOOK_SECRET", nil, signature.MistakeVariable},
		"doubt/braces":             {"${DARI_WEBHOOK_SECRET}", nil, signature.MistakeVariable},
		"doubt/one prefix of two":  {hidden + "," + bare, nil, signature.MistakeList},
		"doubt/a prefix and quote": {"whsec_,", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := signature.NewSecret(row.text)
			if !errors.Is(err, row.refused) || (err == nil) != (row.refused == nil) {
				t.Fatalf("error %v, want %v", err, row.refused)
			}
			if err != nil && (strings.Contains(err.Error(), hidden) || strings.Contains(err.Error(), bare)) {
				t.Errorf("the error quotes the secret: %v", err)
			}
			if got := s.Doubt(); got != row.doubt {
				t.Errorf("doubt %q, want %q", got, row.doubt)
			}
		})
	}
}

// TestExplainMistakes shows that a signature is explained by the secret inside what was given for one.
func TestExplainMistakes(t *testing.T) {
	t.Parallel()
	const bare, other = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
	for name, row := range map[string]struct {
		given, signed string
		want          signature.KeyVariant
	}{
		"quotes":        {`"` + bare + `"`, bare, signature.KeyMended},
		"name":          {"SECRET=" + bare, bare, signature.KeyMended},
		"comment":       {bare + " # production", bare, signature.KeyMended},
		"version":       {"v1," + bare, bare, signature.KeyMended},
		"all of it":     {`SECRET="` + bare + `" # production`, bare, signature.KeyMended},
		"first of two":  {bare + "," + other, bare, signature.KeyMended},
		"second of two": {bare + "," + other, other, signature.KeyListed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scheme, body := contract.GitHub().Scheme, []byte(`{}`)
			m := naive(t, scheme, row.signed, "", "", body)
			if _, err := hex.DecodeString(m); err != nil {
				t.Fatal(err)
			}
			h := headerOf([]signature.Field{{Name: scheme.Header, Value: "sha256=" + m}})
			found := signature.Explain([]contract.Scheme{scheme}, secrets(t, row.given), h, body, time.Unix(0, 0))
			if len(found) != 1 || found[0].KeyForm != row.want || found[0].Plain() {
				t.Fatalf("found %v, want %s", found, row.want)
			}
			if text := found[0].String(); strings.Contains(text, bare) || strings.Contains(text, other) {
				t.Errorf("the finding shows the secret: %s", text)
			}
		})
	}
}
