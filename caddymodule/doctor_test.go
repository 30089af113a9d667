package caddymodule_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/darihook/darihook/caddymodule"
	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/signature"
)

// doctor runs the command against the admin endpoint.
func (g *gateway) doctor(flags ...string) (printed string, err error) {
	g.t.Helper()
	var out bytes.Buffer
	cmd := &cobra.Command{Use: "dari-webhook", SilenceUsage: true}
	caddymodule.AddAdminCommands(cmd)
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs(append(append([]string{"doctor"}, flags...), "--address", "unix/"+g.dir+"/admin"))
	err = cmd.Execute()
	_, _ = transcript.Write(out.Bytes()) // no secret may be in it
	return out.String(), err
}

// signedAt sends a delivery that was signed by another clock.
func (g *gateway) signedAt(body string, at time.Time) answer {
	g.t.Helper()
	signer, err := signature.NewSigner(signature.SignerOptions{Scheme: contract.Dari().Scheme, Secrets: []signature.Secret{g.secret}})
	if err != nil {
		g.t.Fatal(err)
	}
	fields, err := signer.Sign(signature.Message{Time: at, Body: []byte(body)})
	if err != nil {
		g.t.Fatal(err)
	}
	req := g.request(body)
	for _, f := range fields {
		req.Header.Set(f.Name, f.Value)
	}
	return g.send(req)
}

// TestDoctor shows what the command tells of each thing that can be wrong, and by which exit code.
func TestDoctor(t *testing.T) {
	const quoted = "'a_secret_of_a_good_length'"
	t.Setenv("DARI_TEST_QUOTED", quoted)
	for name, row := range map[string]struct {
		site    string
		do      func(g *gateway)
		want    []string
		problem string
	}{
		"ok/nothing yet": {gateBlock(inMemory()), func(*gateway) {},
			[]string{"gate dari at gate.test", "verified  nothing yet", "secret    1: 38 bytes, whsec_…", "store memory", "healthy, circuit breaker closed"}, ""},
		"ok/verified": {gateBlock(inMemory()), func(g *gateway) { g.deliver("evt_1") },
			[]string{"clock     senders' times are", "1 samples, signed", "verified  last "}, ""},
		"ok/noise": {gateBlock(inMemory()), func(g *gateway) {
			g.deliver("evt_1")
			req := g.request(event("evt_2"))
			req.Header.Del(contract.HeaderSignature)
			g.send(req)
		}, []string{"refused   1 × signature missing (signature_missing)"}, ""},
		"fail/another reading": {gateBlock("signed_content body", "dedup off"), func(g *gateway) { g.deliver("evt_1") },
			[]string{"refused   1 × signature mismatch", "hint"}, "signature mismatch explained: matches scheme dari "},
		"fail/milliseconds": {gateBlock("dedup off"), func(g *gateway) {
			req := g.request(event("evt_1"))
			req.Header.Set(contract.HeaderSignature, strings.Replace(req.Header.Get(contract.HeaderSignature), ",", "000,", 1))
			g.send(req)
		}, nil, string(signature.HintMilliseconds)},
		"fail/another secret": {gateBlock("dedup off"), func(g *gateway) { g.another("whsec_never_seen_by_the_gate").deliver("evt_1") },
			nil, "1 × signature mismatch, and nothing was ever verified"},
		"fail/clock": {gateBlock(inMemory()), func(g *gateway) { g.signedAt(event("evt_1"), time.Now().Add(-2*time.Minute)) },
			nil, "senders' clocks are 12"},
		"fail/clock of refused ones": {gateBlock(inMemory()), func(g *gateway) { g.signedAt(event("evt_1"), time.Now().Add(time.Hour)) },
			[]string{"1 samples, unsigned"}, "ahead of this machine's"},
		"fail/quotes": {"dari_webhook {\nsecret {env.DARI_TEST_QUOTED}\ndedup off\n}", func(*gateway) {},
			[]string{"secret    1: 27 bytes, probably copied"}, string(signature.MistakeQuotes)},
		"fail/store": {gateBlock("dedup test_broken"), func(*gateway) {}, nil, "store unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			g.load(row.site + "\nrespond ok")
			row.do(g)
			printed, err := g.doctor()
			if (err == nil) != strings.HasPrefix(name, "ok/") {
				t.Errorf("error %v; printed\n%s", err, printed)
			}
			last := "no problems found\n"
			if row.problem != "" {
				last = row.problem
			}
			for _, want := range append(row.want, last) {
				if !strings.Contains(printed, want) {
					t.Errorf("without %q:\n%s", want, printed)
				}
			}
			if strings.Contains(printed, "good_length") {
				t.Error("the secret shows")
			}
			asJSON, again := g.doctor("--json")
			var report struct {
				Healthy  bool
				Problems []string
				Gates    []struct{ Provider, Scope, Host string }
			}
			if jsonErr := json.Unmarshal([]byte(asJSON), &report); jsonErr != nil {
				t.Fatal(jsonErr, asJSON)
			}
			if report.Healthy != (err == nil) || (again == nil) != (err == nil) || len(report.Gates) != 1 || report.Gates[0].Host != "gate.test" {
				t.Errorf("%+v, error %v", report, again)
			}
			if row.problem != "" && !strings.Contains(strings.Join(report.Problems, "\n"), row.problem) {
				t.Errorf("problems %q", report.Problems)
			}
		})
	}
}

// TestDoctorOfNothing shows what a configuration without a gate has wrong.
func TestDoctorOfNothing(t *testing.T) {
	g := newGateway(t)
	g.load("respond ok")
	printed, err := g.doctor()
	if err != nil || !strings.Contains(printed, "no gate in the running configuration") {
		t.Errorf("error %v; printed %s", err, printed)
	}
	resp, err := g.admin.Post("http://localhost/dari_webhook/doctor", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %s", resp.Status)
	}
}
