package signature_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/darihook/darihook/signature"
)

func TestURLSecretsAreStrong(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		texts []string
		want  error
	}{
		"ok/hex of 128 bits":      {[]string{"0123456789abcdef0123456789abcdef"}, nil},
		"ok/base64url":            {[]string{"Zm9vYmFyLWJhei1xdXV4_w"}, nil},
		"ok/two":                  {[]string{strings.Repeat("a1", 16), strings.Repeat("b2", 16)}, nil},
		"fail/hex of 124 bits":    {[]string{"0123456789abcdef0123456789abcde"}, signature.ErrURLSecretShort},
		"fail/short word":         {[]string{"tr0ub4dor-and-3"}, signature.ErrURLSecretShort},
		"fail/one character":      {[]string{strings.Repeat("a", 25)}, signature.ErrURLSecretShort},
		"fail/slash":              {[]string{"0123456789abcdef0123456789abcde/f"}, signature.ErrURLSecretForm},
		"fail/percent":            {[]string{"0123456789abcdef0123456789abcde%20"}, signature.ErrURLSecretForm},
		"fail/not ASCII":          {[]string{"0123456789abcdef0123456789abcdeä"}, signature.ErrURLSecretForm},
		"fail/none":               {nil, signature.ErrNoSecret},
		"fail/second of the two":  {[]string{strings.Repeat("a1", 16), "short"}, signature.ErrURLSecretShort},
		"fail/more than a header": {slicesOf(strings.Repeat("a1", 16), signature.MaxSecrets+1), signature.ErrTooManySecrets},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := signature.NewURLSecrets(secrets(t, row.texts...))
			if !errors.Is(err, row.want) {
				t.Errorf("%v, want %v", err, row.want)
			}
			for _, text := range row.texts {
				if err != nil && strings.Contains(err.Error(), text) {
					t.Errorf("the error quotes the secret: %v", err)
				}
			}
		})
	}
}

// slicesOf returns n copies of a text.
func slicesOf(text string, n int) []string {
	return strings.Split(strings.TrimSuffix(strings.Repeat(text+",", n), ","), ",")
}

func TestURLSecretsMatch(t *testing.T) {
	t.Parallel()
	first, second := strings.Repeat("a1", 16), strings.Repeat("b2", 20)
	u, err := signature.NewURLSecrets(secrets(t, first, second))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]int{first: 0, second: 1} {
		if got, ok := u.Match(text); !ok || got != want {
			t.Errorf("secret %d, %t, want %d", got, ok, want)
		}
	}
	for _, text := range []string{"", first[1:], first + "0", strings.ToUpper(first), first + second} {
		if _, ok := u.Match(text); ok {
			t.Errorf("%q matches", text)
		}
	}
}
