package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/process"
	"github.com/darihook/darihook/mockserver"
)

// mockFlags are the flags of mock.
type mockFlags struct {
	mockserver.Options
	clock, schedule string
	memory          string
	scenarioFiles   []string
	json            bool
	withParent      bool
	parent          int
	trust           trustFlags
}

// newMock returns the command that runs the mock platform.
func newMock() *cobra.Command {
	var f mockFlags
	cmd := &cobra.Command{
		Use:   "mock",
		Short: "Run the mock platform",
		Long: `Run an agent platform on this machine: it configures webhooks, signs deliveries, retries them, and misbehaves when
asked to. The platform's API is described at /openapi.json, the calls that drive it are under /_mock/.

With --json it prints one line as soon as it serves: {"url":…,"api_key":…,"agent_id":…}, and "secret" where --forward-to made or got one.`,
		Example: `  darihook mock --forward-to http://localhost:3000/hooks
  darihook mock --allow-insecure-urls
  darihook mock --listen 127.0.0.1:0 --json --allow-insecure-urls --clock manual
  darihook mock --provider danube --allow-insecure-urls
  darihook mock --data mock.db --retry-schedule 0s,1s,5s`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.withParent = cmd.Flags().Changed("exit-with-parent")
			return f.run(cmd.Context(), cmd.OutOrStdout())
		},
	}
	f.add(cmd)
	f.addEngine(cmd)
	return cmd
}

// add declares the flags of the platform.
func (f *mockFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.Provider, "provider", mockserver.Providers()[0], "the platform to be: "+strings.Join(mockserver.Providers(), ", "))
	flags.StringVar(&f.Listen, "listen", mockserver.DefaultListen, "host:port, or unix/ and the path of a socket")
	flags.BoolVar(&f.json, "json", false, "print one line of JSON when it serves, and nothing else")
	flags.StringVar(&f.PublicURL, "public-url", "", "how applications reach the mock (default: the address listened on)")
	flags.StringSliceVar(&f.AllowHosts, "allow-host", nil, "a further host name under which /_mock/ answers")
	flags.StringVar(&f.APIKey, "api-key", "", "the API key (default: a random one)")
	flags.StringVar(&f.OtherAPIKey, "other-api-key", "", "the key of a second organization, which owns nothing")
	flags.StringVar(&f.AgentID, "agent", "", "the id of the first agent (default: as the provider's ids are, such as agt_mock)")
	flags.BoolVar(&f.AutoCreate, "auto-create", false, "make an agent of every well-formed id that is asked for")
	flags.StringVar(&f.ForwardTo, "forward-to", "", "set the webhook to this URL, for every event type; admits URLs as --allow-insecure-urls does")
	flags.StringVar(&f.Secret, "secret", "", "sign what goes to --forward-to with this secret (default: a new one)")
	flags.BoolVar(&f.AllowInsecureURLs, "allow-insecure-urls", false, "admit webhooks over plain HTTP and at private addresses")
	flags.IntVar(&f.RateLimit, "rate-limit", 0, "calls of the API in a minute, where the platform limits them, as tess does (default: no limit)")
	f.trust.add(flags, "receivers")
	flags.StringVar(&f.Data, "data", "", "the file that keeps the state (default: memory alone)")
	flags.StringVar(&f.Scenario, "scenario", "", `what the first agent does with a message (default "tool_call")`)
	flags.StringArrayVar(&f.scenarioFiles, "scenario-file", nil, "a further scenario, YAML or JSON")
	flags.StringVar(&f.Scheme, "scheme", "", "how deliveries are signed, one of the provider's schemes: "+strings.Join(schemeNames(), ", "))
	flags.IntVar(&f.parent, "exit-with-parent", 0, "end when the process that started this one ends; with =PID, also when that one is gone already")
	flags.Lookup("exit-with-parent").NoOptDefVal = "0"
}

// addEngine declares the flags of the delivery engine and its clock.
func (f *mockFlags) addEngine(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.clock, "clock", "real", "real, manual, or how many seconds pass in one, such as 60")
	flags.BoolVar(&f.SignVirtualTime, "sign-virtual-time", false, "date signatures by the platform's clock")
	flags.StringVar(&f.schedule, "retry-schedule", "", "the pause before each attempt, such as 0s,1s,5s (default: the platform's)")
	flags.Float64Var(&f.Jitter, "jitter", 0.1, "the part of a pause by which it may be shorter")
	flags.Uint64Var(&f.Seed, "seed", 0, "the seed of the jitter")
	flags.DurationVar(&f.RetryAfterCap, "retry-after-cap", 24*time.Hour, "the longest pause that Retry-After can ask for")
	flags.DurationVar(&f.Timeout, "timeout", 0, "how long an attempt may take (default: the platform's, 10s)")
	flags.IntVar(&f.Workers, "workers", 256, "attempts under way at once")
	flags.IntVar(&f.PerEndpoint, "per-endpoint", 8, "attempts under way at once to one endpoint")
	flags.IntVar(&f.History, "history", 10_000, "finished deliveries that are remembered")
	flags.IntVar(&f.MaxPending, "max-pending", 200_000, "deliveries that may wait")
	flags.StringVar(&f.memory, "max-memory", "1GiB", "what deliveries may take, those that wait and those that are remembered")
}

// schemeNames lists what --scheme takes.
func schemeNames() (names []string) {
	for _, name := range mockserver.Providers() {
		p, _ := contract.ProviderFor(name)
		names = append(names, p.SchemeNames()...)
	}
	return names
}

// run starts the mock and stays until it ends.
func (f *mockFlags) run(ctx context.Context, out io.Writer) error {
	if err := f.resolve(); err != nil {
		return wrongUsage(err)
	}
	if f.withParent {
		var cancel context.CancelFunc
		var err error
		if ctx, cancel, err = process.WithParent(ctx, f.parent); err != nil {
			return failed(fmt.Errorf("--exit-with-parent: %w", err))
		}
		defer cancel()
	}
	server, err := mockserver.Start(ctx, f.Options)
	if err != nil {
		return failed(fmt.Errorf("starting the mock: %w", err))
	}
	if err := f.announce(out, server); err != nil {
		return failed(errors.Join(fmt.Errorf("writing: %w", err), server.Close()))
	}
	<-server.Done()
	if err := server.Close(); err != nil {
		return failed(fmt.Errorf("ending the mock: %w", err))
	}
	return nil
}

// resolve turns the flags' texts into options.
func (f *mockFlags) resolve() (err error) {
	switch f.clock {
	case "real":
	case "manual":
		f.ManualClock = true
	default:
		if f.ClockScale, err = strconv.ParseFloat(f.clock, 64); err != nil || !(f.ClockScale > 0 && f.ClockScale <= 1e6) {
			return fmt.Errorf("--clock must be real, manual or a number up to 1e6, not %q", f.clock)
		}
	}
	if f.RetrySchedule, err = parseSchedule(f.schedule); err != nil {
		return fmt.Errorf("parsing --retry-schedule: %w", err)
	}
	memory, err := humanize.ParseBytes(f.memory)
	if err != nil || memory < 1<<20 || memory > 1<<50 {
		return fmt.Errorf("--max-memory must be a size of at least 1MiB, such as 512MiB, not %q", f.memory)
	}
	f.MaxMemory = int(memory)
	if f.TLSConfig, err = f.trust.config(); err != nil {
		return err
	}
	f.InsecureSkipVerify = f.trust.skip
	f.AllowInsecureURLs = f.AllowInsecureURLs || f.ForwardTo != ""
	for _, path := range f.scenarioFiles {
		text, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("reading --scenario-file: %w", err)
		}
		f.Scenarios = append(f.Scenarios, text)
	}
	return nil
}

// parseSchedule reads durations between commas.
func parseSchedule(text string) (schedule []time.Duration, err error) {
	if text == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		pause, err := time.ParseDuration(strings.TrimSpace(part))
		if err != nil || pause < 0 {
			return nil, fmt.Errorf("%q is no pause such as 0s or 5m", part)
		}
		schedule = append(schedule, pause)
	}
	return schedule, nil
}

// announcement is what a person reads when the mock serves.
var announcement = template.Must(template.New("mock").Parse(`mock platform of {{.Title}} at {{.URL}}
  API key    {{.APIKey}}
  agent      {{.AgentID}}
  console    {{.URL}}/_mock/console
  schedule   {{range .Schedule}}{{.}} {{end}}
  clock      {{.Clock}}

{{if .Open}}Warning: it listens beyond this machine, and whoever reaches it can drive it: /_mock/ asks for no key.

{{end}}{{if .ForwardTo}}Every event goes to {{.ForwardTo}}, signed with {{if .Secret}}{{.Secret}}{{else}}nothing, or the secret that --data holds{{end}}. Send one:
  darihook trigger {{.Type}} --mock {{.URL}}

{{else}}{{if .Strict}}As on the platform, a webhook's URL is HTTPS at a public address; --allow-insecure-urls admits this machine's, as below.

{{end}}Set the webhook, send an event, look at the deliveries:
  curl -X PUT {{.URL}}/_mock/agents/{{.AgentID}}/webhook -H 'Content-Type: application/json' \
    -d '{"webhook_url":"http://127.0.0.1:8080/hooks"}'
  curl {{.URL}}/_mock/events -H 'Content-Type: application/json' -d '{{.Event}}'
  curl {{.URL}}/_mock/deliveries
{{end}}`))

// announce says where the mock serves.
func (f *mockFlags) announce(out io.Writer, s *mockserver.Server) error {
	if f.json {
		return json.NewEncoder(out).Encode(struct {
			URL     string `json:"url"`
			APIKey  string `json:"api_key"`
			AgentID string `json:"agent_id"`
			Secret  string `json:"secret,omitempty"`
		}{s.URL, s.APIKey, s.AgentID, s.Secret})
	}
	p, _ := contract.ProviderFor(f.Provider) // the mock has started
	event, eventType := "{}", "''"
	if len(p.Events) > 0 {
		eventType = p.Events[0].Type
		event = `{"type":"` + eventType + `"}`
	}
	return announcement.Execute(out, map[string]any{
		"Title": p.Title, "URL": s.URL, "APIKey": s.APIKey, "AgentID": s.AgentID, "Schedule": s.Schedule(), "Clock": f.clock,
		"Event": event, "Type": eventType, "ForwardTo": f.ForwardTo, "Secret": s.Secret, "Strict": !f.AllowInsecureURLs,
		"Open": beyondMachine(f.Listen),
	})
}

// beyondMachine reports whether other machines may reach an address to listen at.
func beyondMachine(address string) bool {
	if strings.HasPrefix(address, "unix:") || strings.HasPrefix(address, "unix/") {
		return false
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil || host == "localhost" {
		return false
	}
	ip := net.ParseIP(host)
	return ip == nil || !ip.IsLoopback()
}
