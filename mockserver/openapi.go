package mockserver

import (
	_ "embed"
	"net/http"
)

// openapi describes Dari's API. The tests hold every answer against it.
//
//go:embed openapi.json
var openapi []byte

// serveOpenAPI answers with the description of the provider's API.
func (s *Server) serveOpenAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(s.provider.openapi) // a caller that has gone cannot be told
}
