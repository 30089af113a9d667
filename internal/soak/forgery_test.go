package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/signature"
)

// TestForgeriesAreForged holds each forgery against a verifier that takes the authentic delivery.
func TestForgeriesAreForged(t *testing.T) {
	t.Parallel()
	const ours, others = "whsec_of_the_soak_0123456789abcdef", "whsec_of_a_stranger_0123456789abc"
	secret, err := signature.NewSecret(ours)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := signature.NewVerifier(signature.Options{Scheme: contract.Dari().Scheme, Secrets: []signature.Secret{secret}})
	if err != nil {
		t.Fatal(err)
	}
	var f fleet
	if f.signer, err = newSigner(ours); err != nil {
		t.Fatal(err)
	}
	if f.stranger, err = newSigner(others); err != nil {
		t.Fatal(err)
	}
	verify := func(fields []signature.Field, body []byte) error {
		header := http.Header{}
		for _, field := range fields {
			header.Set(field.Name, field.Value)
		}
		_, err := verifier.Verify(header, body, time.Now())
		return err
	}
	fields, err := f.signer.Sign(signature.Message{ID: idOf(1), Time: time.Now(), Body: bodyOf(order{Number: 1})})
	if err != nil {
		t.Fatal(err)
	}
	if err := verify(fields, bodyOf(order{Number: 1})); err != nil {
		t.Errorf("an authentic delivery: %v", err)
	}
	for _, kind := range forgeries {
		t.Run("fail/"+string(kind), func(t *testing.T) {
			t.Parallel()
			fields, body, err := f.forge(kind, order{Number: 1})
			if err != nil {
				t.Fatal(err)
			}
			if verify(fields, body) == nil {
				t.Error("accepted")
			}
		})
	}
}
