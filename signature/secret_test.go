package signature_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/signature"
)

// hidden is a secret's text that must not show.
const hidden = "whsec_aGlkZGVuLWhpZGRlbi1oaWRkZW4taGlkZGVuIQ=="

func TestNewSecret(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"ok/prefixed":          {hidden, nil},
		"ok/bare":              {"x", nil},
		"ok/blank inside":      {"two words", nil},
		"fail/empty":           {"", signature.ErrEmptySecret},
		"fail/blanks":          {" \t\r\n", signature.ErrEmptySecret},
		"fail/no-break space":  {"\u00a0", signature.ErrEmptySecret},
		"fail/final newline":   {hidden + "\n", signature.ErrSecretSpace},
		"fail/final CR LF":     {hidden + "\r\n", signature.ErrSecretSpace},
		"fail/leading blank":   {" " + hidden, signature.ErrSecretSpace},
		"fail/trailing em gap": {hidden + "\u2003", signature.ErrSecretSpace},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := signature.NewSecret(c.text)
			if !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "hidden") {
				t.Errorf("the error quotes the secret: %v", err)
			}
		})
	}
}

// holder has secrets in every kind of place that a printer may look into.
type holder struct {
	Exported   signature.Secret
	unexported signature.Secret
	List       []signature.Secret
	Map        map[string]signature.Secret
	Pointer    *signature.Secret
	inner      struct{ deep *signature.Secret }
	Any        any
}

func TestSecretPrintsRedacted(t *testing.T) {
	t.Parallel()
	s := secrets(t, hidden)[0]
	h := holder{Exported: s, unexported: s, List: []signature.Secret{s}, Map: map[string]signature.Secret{"k": s}, Pointer: &s, Any: s}
	h.inner.deep = &s
	var printed []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T", "%p", "%10.3s"} {
		printed = append(printed, fmt.Sprintf(verb, s), fmt.Sprintf(verb, &s), fmt.Sprintf(verb, h), fmt.Sprintf(verb, &h))
	}
	printed = append(printed, s.String(), s.GoString(), fmt.Sprint(s, h), fmt.Errorf("with %v", s).Error())
	printed = append(printed, byEncoders(t, s, h)...)
	printed = append(printed, byLoggers(s, h)...)
	for _, form := range []string{hidden, hidden[6:], fmt.Sprintf("%x", hidden), fmt.Sprint([]byte(hidden))} {
		for _, text := range printed {
			if strings.Contains(text, form) {
				t.Errorf("the secret shows as %q in %s", form, text)
			}
		}
	}
	for _, text := range []string{fmt.Sprintf("%v", s), fmt.Sprintf("%#v", s), fmt.Sprintf("%x", s), s.String()} {
		if text != "[redacted]" {
			t.Errorf("a secret prints %q", text)
		}
	}
}

// byEncoders returns what encoders make of a secret.
func byEncoders(t *testing.T, s signature.Secret, h holder) []string {
	t.Helper()
	asJSON, err := json.Marshal([]any{s, h})
	if err != nil || !strings.HasPrefix(string(asJSON), `["[redacted]"`) {
		t.Errorf("JSON %s, error %v", asJSON, err)
	}
	type element struct{ S signature.Secret }
	asXML, err := xml.Marshal(element{s})
	if err != nil || !strings.Contains(string(asXML), "<S>[redacted]</S>") {
		t.Errorf("XML %s, error %v", asXML, err)
	}
	return []string{string(asJSON), string(asXML)}
}

// byLoggers returns what loggers make of a secret.
func byLoggers(s signature.Secret, h holder) []string {
	var out bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("slog", "secret", s, "holder", h, slog.Group("group", "pointer", &s))
	}
	for _, encoder := range []zapcore.Encoder{
		zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.NewConsoleEncoder(zap.NewDevelopmentEncoderConfig()),
	} {
		core := zapcore.NewCore(encoder, zapcore.AddSync(&out), zap.DebugLevel)
		zap.New(core).Info("zap", zap.Any("any", s), zap.Reflect("reflect", s), zap.Any("holder", h), zap.Stringer("stringer", s))
	}
	return []string{out.String()}
}

func TestSecretDoesNotCompare(t *testing.T) {
	t.Parallel()
	if reflect.TypeFor[signature.Secret]().Comparable() {
		t.Error("secrets compare with ==, which takes a time that depends on them")
	}
}

func TestSecretEqual(t *testing.T) {
	t.Parallel()
	all := secrets(t, hidden, hidden, "another")
	if !all[0].Equal(all[1]) || all[0].Equal(all[2]) || all[0].Equal(signature.Secret{}) {
		t.Error("secrets are equal when their texts are, and only then")
	}
}

func TestSecretShort(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", contract.MinSecretLength)
	all := secrets(t, long, long[1:])
	if all[0].Short() || !all[1].Short() {
		t.Errorf("short: %v and %v, want a secret of %d bytes to be long enough", all[0].Short(), all[1].Short(), contract.MinSecretLength)
	}
}

func FuzzNewSecret(f *testing.F) {
	for _, seed := range []string{hidden, "", " ", "x\n", "\ufeffx", "\xff", "a b", "\"" + hidden + "\"", "A=" + hidden, "v1," + hidden, hidden + "," + hidden, hidden + " # old"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := signature.NewSecret(text)
		plain := strings.TrimSpace(text) == text && text != "" && utf8.ValidString(text) &&
			!strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
		if (err == nil || errors.Is(err, signature.ErrSecretMistake)) != plain {
			t.Fatalf("secret %q: error %v", text, err)
		}
		if len(text) > 12 && err != nil && strings.Contains(err.Error(), text) {
			t.Errorf("the error quotes secret %q", text)
		}
		if got := fmt.Sprintf("%v%+v%#v%s", s, s, s, s); got != strings.Repeat("[redacted]", 4) {
			t.Errorf("secret %q prints %s", text, got)
		}
		if err == nil && !s.Equal(s) {
			t.Errorf("secret %q does not equal itself", text)
		}
	})
}
