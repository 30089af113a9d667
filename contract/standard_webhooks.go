package contract

// StandardWebhooks returns the contract that many platforms share, in its symmetric form and in that with a key pair; which
// of them applies is told by the secret's prefix, whsec_ or whpk_. The id is in a signed header.
func StandardWebhooks() Provider {
	symmetric := Scheme{
		Name:            "standard-webhooks",
		Algorithm:       HMACSHA256,
		Header:          "Webhook-Signature",
		Tag:             "v1",
		TagSeparator:    ",",
		ItemSeparator:   " ",
		Encoding:        Base64,
		Content:         ContentIDTimestampBody,
		TimestampHeader: "Webhook-Timestamp",
		IDHeader:        "Webhook-Id",
		KeyForm:         KeyBase64,
		KeyPrefix:       SecretPrefix,
	}
	asymmetric := symmetric
	asymmetric.Name, asymmetric.Algorithm, asymmetric.Tag = "standard-webhooks-ed25519", Ed25519, "v1a"
	asymmetric.KeyPrefix, asymmetric.SigningKeyPrefix = "whpk_", "whsk_"
	return Provider{
		Name:       "standard_webhooks",
		Title:      "Standard Webhooks",
		Methods:    []string{"POST"},
		Scheme:     symmetric,
		Candidates: []Scheme{asymmetric},
		Envelope:   Envelope{Type: "type", AnyBody: true},
	}
}
