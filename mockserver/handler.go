package mockserver

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/darihook/darihook/mockserver/console"
	"github.com/darihook/darihook/mockserver/internal/httpjson"
)

// handler is everything that the mock answers.
func (s *Server) handler(scenarios []string) http.Handler {
	mux := http.NewServeMux()
	for _, p := range s.platforms {
		p.Routes(mux)
	}
	mux.Handle("/openapi.json", httpjson.Methods{http.MethodGet: http.HandlerFunc(s.serveOpenAPI)})

	own := http.NewServeMux()
	s.control(scenarios).Routes(own)
	page := s.console()
	own.Handle(console.Path, page)
	own.Handle(console.Path+"/", page)
	toConsole := http.RedirectHandler(console.Path, http.StatusFound) // for who opens the mock in a browser
	own.Handle("GET /_mock/{$}", toConsole)
	own.HandleFunc("/", notFound)
	mux.Handle("/_mock/", s.guarded(own))
	mux.Handle("GET /{$}", toConsole)
	mux.HandleFunc("/", notFound)
	return mux
}

// console is the web page under /_mock/console.
func (s *Server) console() http.Handler {
	if s.o.Console != nil {
		return s.o.Console
	}
	return console.Handler()
}

func notFound(w http.ResponseWriter, _ *http.Request) { httpjson.Fail(w, httpjson.NotFound("Path")) }

// guarded keeps other web pages, which a browser on this machine may show, from driving the mock: requests must name a
// host that is this machine's own, and must not come from another origin.
func (s *Server) guarded(next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		httpjson.Fail(w, httpjson.Refuse(http.StatusForbidden, "requests from another origin are refused"))
	}))
	protected := origin.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.ownHost(r) {
			httpjson.Fail(w, httpjson.Refuse(http.StatusForbidden, "the host is not one of this mock's; see --allow-host"))
			return
		}
		protected.ServeHTTP(w, r)
	})
}

// ownHost reports whether a request names a host that no foreign page can name. No browser reaches a Unix socket.
func (s *Server) ownHost(r *http.Request) bool {
	if at, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && at.Network() == "unix" {
		return true
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || slices.Contains(s.o.AllowHosts, host)
}
