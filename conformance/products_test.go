package conformance_test

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/darihook/darihook/conformance"
	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver"
	"github.com/darihook/darihook/mockserver/client"
)

// wholly judges and insists that every clause was tested and holds, but for those that cannot be tested here.
func wholly(t *testing.T, cfg conformance.Config, skipped ...contract.ClauseID) *conformance.Report {
	t.Helper()
	report, err := conformance.Judge(t.Context(), cfg)
	if err != nil {
		t.Fatalf("judging: %v", err)
	}
	if report.Result != conformance.ResultConformant {
		t.Errorf("result %s: %s", report.Result, report.Problem)
	}
	for _, c := range report.Clauses {
		if c.Verdict == conformance.Skipped && slices.Contains(skipped, c.ID) {
			continue
		}
		if c.Verdict != conformance.Conformant && c.Cause != conformance.CauseScheme {
			t.Errorf("%s (%s) is %s: %s", c.ID, c.Level, c.Verdict, c.Reason)
			explain(t, report, []contract.ClauseID{c.ID})
		}
	}
	return report
}

func TestMockIsAConformantSender(t *testing.T) {
	t.Parallel()
	m := mockserver.New(t, func(o *mockserver.Options) { o.APIKey = "key_conformance"; o.Timeout = time.Second })
	wholly(t, conformance.Config{
		Role: contract.Sender, API: m.URL, APIKey: "key_conformance", Agent: "agt_mock",
		Trigger: m.URL + "/_mock/events", Advance: m.URL + "/_mock/clock/advance",
		AttemptTimeout: time.Second, Settle: 80 * time.Millisecond,
	})
}

func TestMockIsAConformantConfigurationAPI(t *testing.T) {
	t.Parallel()
	m := mockserver.New(t, func(o *mockserver.Options) { o.APIKey = "key_conformance"; o.AllowInsecureURLs = false })
	other, err := m.Client.SetAgent(t.Context(), "", client.AgentSpec{Name: "another"})
	if err != nil {
		t.Fatal(err)
	}
	wholly(t, conformance.Config{
		Role: contract.Config, API: m.URL, APIKey: "key_conformance", Agent: "agt_mock", OtherAgent: other.ID,
	})
}

func TestMockIsAConformantSenderOfDanube(t *testing.T) {
	t.Parallel()
	m := mockserver.New(t, func(o *mockserver.Options) {
		o.Provider, o.APIKey, o.Timeout = "danube", "key_conformance", time.Second
	})
	wholly(t, conformance.Config{
		Role: contract.Sender, Provider: "danube", API: m.URL, APIKey: "key_conformance",
		Trigger: m.URL + "/_mock/events", Advance: m.URL + "/_mock/clock/advance",
		AttemptTimeout: time.Second, Settle: 80 * time.Millisecond,
	})
}

func TestMockIsAConformantConfigurationAPIOfDanube(t *testing.T) {
	t.Parallel()
	m := mockserver.New(t, func(o *mockserver.Options) {
		o.Provider, o.APIKey, o.AllowInsecureURLs = "danube", "key_conformance", false
	})
	wholly(t, conformance.Config{Role: contract.Config, Provider: "danube", API: m.URL, APIKey: "key_conformance"})
}

func TestMockIsAConformantSenderOfTess(t *testing.T) {
	t.Parallel()
	m := mockserver.New(t, func(o *mockserver.Options) { o.Provider, o.APIKey = "tess", "key_conformance" })
	wholly(t, conformance.Config{
		Role: contract.Sender, Provider: "tess", API: m.URL, APIKey: "key_conformance", Agent: m.AgentID,
		Trigger: m.URL + "/_mock/events", Advance: m.URL + "/_mock/clock/advance", Settle: 80 * time.Millisecond,
	})
}

// TestMockIsAConformantConfigurationAPIOfTess has the mock limit calls, so that the suite has to wait and does.
func TestMockIsAConformantConfigurationAPIOfTess(t *testing.T) {
	t.Parallel()
	m := mockserver.New(t, func(o *mockserver.Options) {
		o.Provider, o.APIKey, o.AllowInsecureURLs, o.RateLimit = "tess", "key_conformance", false, 20
	})
	other, err := m.Client.SetAgent(t.Context(), "", client.AgentSpec{Name: "another"})
	if err != nil {
		t.Fatal(err)
	}
	report := wholly(t, conformance.Config{
		Role: contract.Config, Provider: "tess", API: m.URL + "/api", APIKey: "key_conformance", Agent: m.AgentID,
		OtherAgent: other.ID, Advance: m.URL + "/_mock/clock/advance", RateLimit: 20, Workspace: "42",
	})
	for _, c := range report.Clauses {
		if (c.ID == "CFG-053" || c.ID == "CFG-055") && c.Verdict != conformance.Conformant {
			t.Errorf("%s is %s: %s", c.ID, c.Verdict, c.Reason)
		}
	}
}

// TestPlainProxyIsNoGate judges what forwards everything to the receiver, for a platform that dates its deliveries and for
// one that does not.
func TestPlainProxyIsNoGate(t *testing.T) {
	t.Parallel()
	for provider, lost := range map[string][]contract.ClauseID{
		"dari":   {"SIG-001", "SIG-003", "TIME-002", "DUP-001", "GATE-001", "GATE-003"},
		"stripe": {"SIG-001", "SIG-003", "TIME-002", "DUP-001", "GATE-001", "GATE-003"},
		"github": {"SIG-001", "SIG-003", "DUP-001", "GATE-001", "GATE-003"},
	} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			judgePlainProxy(t, provider, lost)
		})
	}
}

// judgePlainProxy insists that some clauses, among others, are found broken.
func judgePlainProxy(t *testing.T, provider string, lost []contract.ClauseID) {
	t.Helper()
	upstream := freeAddress(t)
	forward := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: upstream})
	forward.ErrorLog = log.New(io.Discard, "", 0)
	proxy := httptest.NewServer(forward)
	t.Cleanup(proxy.Close)
	report, err := conformance.Judge(t.Context(), conformance.Config{
		Role: contract.Gate, Provider: provider, Target: proxy.URL, Secret: "whsec_plain_proxy_0123456789", UpstreamListen: upstream,
		Patience: time.Second, Timeout: 2 * time.Second,
	})
	if err != nil {
		t.Fatalf("judging: %v", err)
	}
	if report.Result != conformance.ResultNonConformant || report.Exit != conformance.ExitFailed {
		t.Errorf("result %s, exit %d, want a plain proxy to be found non-conformant", report.Result, report.Exit)
	}
	for _, id := range lost {
		if !isBroken(report, id) {
			t.Errorf("%s was not found broken", id)
		}
	}
}

func isBroken(r *conformance.Report, id contract.ClauseID) bool {
	return slices.Contains(broken(r), id)
}

// TestNotFoundIsNonConformant keeps the suite honest about targets that exist and do not take deliveries at all.
func TestNotFoundIsNonConformant(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	report, err := conformance.Judge(t.Context(), conformance.Config{
		Role: contract.Receiver, Target: server.URL, Secret: "whsec_not_found_0123456789", Patience: 200 * time.Millisecond,
	})
	if err != nil {
		t.Fatalf("judging: %v", err)
	}
	if report.Result != conformance.ResultNonConformant || !isBroken(report, "SIG-001") {
		t.Errorf("result %s (%s), want SIG-001 to be broken", report.Result, report.Problem)
	}
}
