package signature_test

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/signature"
)

// TestPackageCommentIsTrue verifies the request that the package comment shows.
func TestPackageCommentIsTrue(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	secret := regexp.MustCompile(`whsec_\S+`).FindString(string(source))
	_, text, found := strings.Cut(string(source), "//\tPOST ")
	if !found {
		t.Fatal("the package comment shows no request")
	}
	text, _, _ = strings.Cut("POST "+text, "//\n// The signature header")
	text = strings.ReplaceAll(strings.ReplaceAll(text, "//\t", ""), "//\n", "\n")
	request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(text, "\n\n")
	body = strings.TrimSuffix(body, "\n")
	if rest, err := io.ReadAll(request.Body); err != nil || len(rest) > 0 {
		t.Fatalf("a request without a declared length has a body of %q, error %v", rest, err)
	}
	v, err := signature.NewVerifier(signature.Options{Scheme: contract.Dari().Scheme, Secrets: secrets(t, secret)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(request.Header, []byte(body), time.Unix(1767225600, 0)); err != nil {
		t.Errorf("the request of the package comment is refused: %v", err)
	}
}
