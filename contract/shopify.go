package contract

// Shopify returns the contract of Shopify's webhooks. There is no timestamp, and the topic and the delivery's id are in
// headers that are not signed: a delivery is known by the hash of its body. Two topics can send the same body, so that each
// topic needs a gate with a scope of its own.
func Shopify() Provider {
	return Provider{
		Name:    "shopify",
		Title:   "Shopify",
		Methods: []string{"POST"},
		Scheme: Scheme{
			Name:      "shopify",
			Algorithm: HMACSHA256,
			Header:    "X-Shopify-Hmac-Sha256",
			Encoding:  Base64,
			Content:   ContentBody,
			IDHeader:  "X-Shopify-Webhook-Id",
			KeyForm:   KeyWhole,
		},
	}
}
