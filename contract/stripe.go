package contract

// Stripe returns the contract of Stripe's webhooks.
func Stripe() Provider {
	return Provider{
		Name:    "stripe",
		Title:   "Stripe",
		Methods: []string{"POST"},
		Scheme: Scheme{
			Name:          "stripe",
			Algorithm:     HMACSHA256,
			Header:        "Stripe-Signature",
			Tag:           "v1",
			TagSeparator:  "=",
			ItemSeparator: ",",
			Encoding:      Hex,
			Content:       ContentTimestampBody,
			TimestampTag:  "t",
			KeyForm:       KeyWhole,
			KeyPrefix:     SecretPrefix,
		},
		Envelope: Envelope{ID: "id", Type: "type"},
	}
}
