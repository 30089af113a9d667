package signature_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/signature"
)

func TestCheckScheme(t *testing.T) {
	t.Parallel()
	for _, s := range append(contract.Dari().Schemes(), neighbors()...) {
		if err := signature.CheckScheme(s); err != nil {
			t.Errorf("ok/%s: %v", s.Name, err)
		}
	}
	for name, edit := range map[string]func(s *contract.Scheme){
		"zero":                      func(s *contract.Scheme) { *s = contract.Scheme{} },
		"algorithm":                 func(s *contract.Scheme) { s.Algorithm = "hmac-md5" },
		"encoding":                  func(s *contract.Scheme) { s.Encoding = "base32" },
		"key form":                  func(s *contract.Scheme) { s.KeyForm = "half" },
		"no header":                 func(s *contract.Scheme) { s.Header = "" },
		"header with blank":         func(s *contract.Scheme) { s.Header = "Dari Signature" },
		"header beyond ASCII":       func(s *contract.Scheme) { s.Header = "Sígnature" },
		"timestamp in same header":  func(s *contract.Scheme) { s.TimestampHeader = "dari-webhook-signature" },
		"id in same header":         func(s *contract.Scheme) { s.IDHeader = s.TimestampHeader },
		"tag with equals sign":      func(s *contract.Scheme) { s.Tag = "v=1" },
		"timestamp tag with blank":  func(s *contract.Scheme) { s.TimestampTag = "t t" },
		"same tags":                 func(s *contract.Scheme) { s.TimestampTag = s.Tag },
		"no tag separator":          func(s *contract.Scheme) { s.TagSeparator = "" },
		"long tag separator":        func(s *contract.Scheme) { s.TagSeparator = "==" },
		"letter separates tags":     func(s *contract.Scheme) { s.TagSeparator = "x" },
		"hyphen separates items":    func(s *contract.Scheme) { s.ItemSeparator = "-" },
		"newline separates items":   func(s *contract.Scheme) { s.ItemSeparator = "\n" },
		"same separators":           func(s *contract.Scheme) { s.ItemSeparator = s.TagSeparator },
		"timestamp tag in one item": func(s *contract.Scheme) { s.ItemSeparator = "" },
		"plus separates base64":     func(s *contract.Scheme) { s.Encoding, s.ItemSeparator = contract.Base64, "+" },
		"bare with separators":      func(s *contract.Scheme) { s.Tag = "" },
		"no body":                   func(s *contract.Scheme) { s.Content = "{timestamp}." },
		"body first":                func(s *contract.Scheme) { s.Content = "{body}.{timestamp}" },
		"body twice":                func(s *contract.Scheme) { s.Content = "{body}.{body}" },
		"timestamp twice":           func(s *contract.Scheme) { s.Content = "{timestamp}.{timestamp}.{body}" },
		"unknown part":              func(s *contract.Scheme) { s.Content = "{url}.{body}" },
		"open bracket":              func(s *contract.Scheme) { s.Content = "{timestamp.{body}" },
		"closing bracket":           func(s *contract.Scheme) { s.Content = "timestamp}.{body}" },
		"blank in template":         func(s *contract.Scheme) { s.Content = "{timestamp} {body}" },
		"nothing ends timestamp":    func(s *contract.Scheme) { s.Content = "{timestamp}{body}" },
		"id ends timestamp":         func(s *contract.Scheme) { s.Content = "{timestamp}{id}.{body}" },
		"digit ends timestamp":      func(s *contract.Scheme) { s.Content = "{timestamp}0.{body}" },
		"nothing ends id":           func(s *contract.Scheme) { s.Content = "{timestamp}.{id}{body}" },
		"long template":             func(s *contract.Scheme) { s.Content = contract.Content(strings.Repeat(".", 128) + "{body}") },
		"signed timestamp nowhere":  func(s *contract.Scheme) { s.TimestampTag, s.TimestampHeader = "", "" },
		"signed timestamp in body": func(s *contract.Scheme) {
			s.TimestampTag, s.TimestampHeader, s.TimestampField = "", "", "created_at"
		},
		"signed id nowhere": func(s *contract.Scheme) { s.Content, s.IDHeader = contract.ContentIDTimestampBody, "" },
	} {
		t.Run("fail/"+name, func(t *testing.T) {
			t.Parallel()
			s := contract.Dari().Scheme
			edit(&s)
			if err := signature.CheckScheme(s); !errors.Is(err, signature.ErrScheme) {
				t.Errorf("error %v, want %v", err, signature.ErrScheme)
			}
			if _, err := signature.NewVerifier(signature.Options{Scheme: s, Secrets: secrets(t, hidden)}); !errors.Is(err, signature.ErrScheme) {
				t.Errorf("verifier: error %v, want %v", err, signature.ErrScheme)
			}
			if _, err := signature.NewSigner(signature.SignerOptions{Scheme: s, Secrets: secrets(t, hidden)}); !errors.Is(err, signature.ErrScheme) {
				t.Errorf("signer: error %v, want %v", err, signature.ErrScheme)
			}
		})
	}
}
