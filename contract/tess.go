package contract

// Tess returns the contract of Tess's webhooks. Nothing about the delivery is public and the API hands out no secret, so
// that deliveries are taken to be unsigned: only a secret in the webhook's URL tells them from anybody's. The methods are
// those that the API takes. Bodies have no id that is known to be one, and are known by their hash.
func Tess() Provider {
	return Provider{
		Name:      "tess",
		Title:     "Tess",
		Methods:   []string{"POST", "GET"},
		ChooseTTL: true,
	}
}
