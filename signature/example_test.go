package signature_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/signature"
)

// A receiver that reads a request and verifies it at once. What it answers tells a sender why it was refused, and
// nothing more. The clock stands still here, so that the example always prints the same.
func Example() {
	secret, err := signature.NewSecret("whsec_ZXhhbXBsZS1leGFtcGxlLWV4YW1wbGUtZXhhbXBsZSE=") // from the environment or a file
	if err != nil {
		log.Fatal(err)
	}
	verifier, err := signature.NewVerifier(signature.Options{
		Scheme:  contract.Dari().Scheme,
		Secrets: []signature.Secret{secret}, // during a rotation: the new one and the old one
	})
	if err != nil {
		log.Fatal(err)
	}
	now := func() time.Time { return time.Unix(1767225600, 0) } // time.Now

	receive := func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, contract.MaxBody))
		if err != nil {
			http.Error(w, "the body cannot be read", http.StatusBadRequest)
			return
		}
		verified, err := verifier.Verify(r.Header, body, now())
		if refused, ok := errors.AsType[*signature.Error](err); ok {
			http.Error(w, string(refused.Code), http.StatusUnauthorized)
			return
		}
		// The bytes of body are authentic. Remember its id before acting on it: deliveries come more than once.
		fmt.Fprintf(w, "%d bytes of %s", len(body), verified.Timestamp.Format(time.DateTime))
	}

	send := func(body string) {
		r := httptest.NewRequest(http.MethodPost, "/hooks/dari", bytes.NewReader([]byte(body)))
		r.Header.Set("Dari-Webhook-Signature", "t=1767225600,v1=35098b80bb48121b2ee887466789a8530837fe3586a2176418260ffb86563b76")
		answer := httptest.NewRecorder()
		receive(answer, r)
		fmt.Println(answer.Code, string(bytes.TrimSpace(answer.Body.Bytes())))
	}
	send(`{"id":"evt_1","type":"session.completed","data":{}}`)
	send(`{"id":"evt_2","type":"session.completed","data":{}}`)
	// Output:
	// 200 51 bytes of 2026-01-01 00:00:00
	// 401 signature_mismatch
}

// A receiver that refuses what it can before it reads the body, and hashes the body while it is read.
func ExampleVerifier_Parse() {
	secret, err := signature.NewSecret("whsec_ZXhhbXBsZS1leGFtcGxlLWV4YW1wbGUtZXhhbXBsZSE=")
	if err != nil {
		log.Fatal(err)
	}
	verifier, err := signature.NewVerifier(signature.Options{Scheme: contract.Dari().Scheme, Secrets: []signature.Secret{secret}})
	if err != nil {
		log.Fatal(err)
	}
	store := func(header http.Header, body io.Reader, now time.Time) error {
		parsed, err := verifier.Parse(header)
		if err != nil {
			return err
		}
		if err := verifier.Fresh(&parsed, now); err != nil {
			return err
		}
		digest := verifier.Digest(&parsed)
		defer digest.Close()
		file, err := os.CreateTemp("", "delivery")
		if err != nil {
			return err
		}
		defer os.Remove(file.Name())
		defer file.Close()
		if _, err := io.Copy(io.MultiWriter(file, digest), body); err != nil {
			return err
		}
		if _, ok := digest.Match(); !ok {
			return signature.ErrMismatch
		}
		return nil
	}
	header := http.Header{"Dari-Webhook-Signature": {"t=1767225600,v1=35098b80bb48121b2ee887466789a8530837fe3586a2176418260ffb86563b76"}}
	body := `{"id":"evt_1","type":"session.completed","data":{}}`
	fmt.Println(store(header, bytes.NewReader([]byte(body)), time.Unix(1767225600, 0)))
	fmt.Println(store(header, nil, time.Unix(1767225600+301, 0)))
	// Output:
	// <nil>
	// timestamp_stale (TIME-002): the timestamp is further in the past than the window reaches
}

// A Go test that signs a request as the platform would, to see what its receiver does with it.
func ExampleSigner_Sign() {
	secret, err := signature.NewSecret("whsec_ZXhhbXBsZS1leGFtcGxlLWV4YW1wbGUtZXhhbXBsZSE=")
	if err != nil {
		log.Fatal(err)
	}
	signer, err := signature.NewSigner(signature.SignerOptions{Scheme: contract.Dari().Scheme, Secrets: []signature.Secret{secret}})
	if err != nil {
		log.Fatal(err)
	}
	body := []byte(`{"id":"evt_1","type":"session.completed","data":{}}`)
	fields, err := signer.Sign(signature.Message{ID: "evt_1", Time: time.Unix(1767225600, 0), Body: body})
	if err != nil {
		log.Fatal(err)
	}
	request := httptest.NewRequest(http.MethodPost, "/hooks/dari", bytes.NewReader(body))
	for _, field := range fields {
		request.Header.Set(field.Name, field.Value)
		fmt.Printf("%s: %s\n", field.Name, field.Value)
	}
	// Output:
	// Dari-Webhook-Signature: t=1767225600,v1=35098b80bb48121b2ee887466789a8530837fe3586a2176418260ffb86563b76
	// Dari-Webhook-Timestamp: 1767225600
	// Dari-Webhook-Id: evt_1
}

// Finding out why a request is refused.
func ExampleExplain() {
	configured, err := signature.NewSecret("whsec_ZXhhbXBsZS1leGFtcGxlLWV4YW1wbGUtZXhhbXBsZSE=")
	if err != nil {
		log.Fatal(err)
	}
	dari := contract.Dari()
	onlyBody, _ := dari.SchemeFor("dari-body")
	sender, err := signature.NewSigner(signature.SignerOptions{Scheme: onlyBody, Secrets: []signature.Secret{configured}})
	if err != nil {
		log.Fatal(err)
	}
	now, body := time.Unix(1767225600, 0), []byte(`{"id":"evt_1"}`)
	fields, err := sender.Sign(signature.Message{ID: "evt_1", Time: now, Body: body})
	if err != nil {
		log.Fatal(err)
	}
	header := http.Header{}
	for _, field := range fields {
		header.Set(field.Name, field.Value)
	}
	onTheWay := append(body, '\n')
	fmt.Println(signature.Explain(dari.Schemes(), []signature.Secret{configured}, header, onTheWay, now)[0])
	// Output:
	// matches scheme dari-body under secret 1, if the body has the newline at its end removed
}
