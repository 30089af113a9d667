package mockserver

import (
	_ "embed"
	"net/http"
)

// openapi describes the platform's API. The tests hold every answer against it.
//
//go:embed openapi.json
var openapi []byte

func serveOpenAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(openapi) // a caller that has gone cannot be told
}
