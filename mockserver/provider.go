package mockserver

import (
	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver/internal/danube"
	"github.com/darihook/darihook/mockserver/internal/dari"
	"github.com/darihook/darihook/mockserver/internal/scenario"
	"github.com/darihook/darihook/mockserver/internal/tess"
)

// provider is one of the platforms that the mock can be.
type provider struct {
	contract contract.Provider
	// openapi describes the API. The tests hold every answer against it.
	openapi []byte
	// agent is the id of the agent that exists from the start.
	agent string
	// open makes the platform of a server whose clock and store are there.
	open func(*Server, map[string]*scenario.Scenario) (platform, error)
}

// providers lists them, the default first. A further platform is a further entry.
func providers() []provider {
	return []provider{
		{contract.Dari(), openapi, "agt_mock", openDari},
		{contract.Danube(), danube.OpenAPI, "account_mock", openDanube},
		{contract.Tess(), tess.OpenAPI, "1", openTess},
	}
}

// Providers returns the names of the platforms that the mock can be, the default first.
func Providers() (names []string) {
	for _, p := range providers() {
		names = append(names, p.contract.Name)
	}
	return names
}

// provider returns the platform that was asked for and reports whether the mock can be it.
func (o Options) provider() (provider, bool) {
	for _, p := range providers() {
		if o.Provider == "" || p.contract.Name == o.Provider {
			return p, true
		}
	}
	return provider{}, false
}

func openDari(s *Server, scripts map[string]*scenario.Scenario) (platform, error) {
	return dari.New(dari.Options{
		Keys: keysOf(s, dari.DefaultOrg, "org_other"), Clock: s.clock, Store: s.store, Policy: s.policy(), Scheme: s.scheme(),
		Scenarios: scripts, AutoCreate: s.o.AutoCreate, BaseURL: func() string { return s.base },
		MaxMemory: s.o.MaxMemory / 4,
	})
}

func openDanube(s *Server, _ map[string]*scenario.Scenario) (platform, error) {
	return danube.New(danube.Options{
		Keys: keysOf(s, s.AgentID, s.AgentID+"_other"), Clock: s.clock, Store: s.store, Policy: s.policy(), Scheme: s.scheme(),
	})
}

func openTess(s *Server, _ map[string]*scenario.Scenario) (platform, error) {
	return tess.New(tess.Options{
		Keys: keysOf[int64](s, tess.DefaultUser, tess.DefaultUser+1), Clock: s.clock, Store: s.store, Policy: s.policy(),
		AutoCreate: s.o.AutoCreate, BaseURL: func() string { return s.base }, RateLimit: s.o.RateLimit,
	})
}

// keysOf maps the API keys to what they belong to.
func keysOf[Owner any](s *Server, first, second Owner) map[string]Owner {
	keys := map[string]Owner{s.APIKey: first}
	if s.o.OtherAPIKey != "" {
		keys[s.o.OtherAPIKey] = second
	}
	return keys
}

// scheme returns the scheme that was asked for; the zero scheme stands for the default.
func (s *Server) scheme() contract.Scheme {
	scheme, _ := s.provider.contract.SchemeFor(s.o.Scheme) // checked
	return scheme
}
