package mockserver

import (
	"fmt"
	"net/http"

	"github.com/darihook/darihook/mockserver/internal/control"
	"github.com/darihook/darihook/mockserver/internal/delivery"
)

// platform is one provider's side of the mock: its state, the API by which that is reached, and where its deliveries go.
type platform interface {
	control.Platform
	// Routes adds the provider's API to a mux.
	Routes(*http.ServeMux)
	// Resume connects the platform with the engine and takes up what the store held.
	Resume(delivery.Queue)
	// Target says where an endpoint's deliveries go, and what signs them.
	Target(endpoint string) (delivery.Target, error)
	// Ended hears of every delivery that has succeeded or was given up.
	Ended(delivery.End)
	// Reset forgets everything, and Close ends the streams.
	Reset()
	Close()
}

// target asks the provider's platform. A stored delivery may belong to a provider that this program does not have.
func (s *Server) target(provider, endpoint string) (delivery.Target, error) {
	p, ok := s.platforms[provider]
	if !ok {
		return delivery.Target{}, fmt.Errorf("no platform of the provider %q", provider)
	}
	return p.Target(endpoint)
}

// deliveryEnded tells the provider's platform.
func (s *Server) deliveryEnded(e delivery.End) {
	if p, ok := s.platforms[e.Provider]; ok {
		p.Ended(e)
	}
}
