package contract

// GitHub returns the contract of GitHub's webhooks. There is no timestamp. The delivery's id and the event's name are in
// headers that are not signed, so that anyone who replays a delivery could change them: it is known by the hash of its
// body, which may be JSON or a web form.
func GitHub() Provider {
	return Provider{
		Name:    "github",
		Title:   "GitHub",
		Methods: []string{"POST"},
		Scheme: Scheme{
			Name:         "github",
			Algorithm:    HMACSHA256,
			Header:       "X-Hub-Signature-256",
			Tag:          "sha256",
			TagSeparator: "=",
			Encoding:     Hex,
			Content:      ContentBody,
			IDHeader:     "X-GitHub-Delivery",
			KeyForm:      KeyWhole,
		},
	}
}
