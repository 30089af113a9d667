package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

// doctorURI is where the admin endpoint examines the gates.
const doctorURI = "/dari_webhook/doctor"

// errProblems has the command fail where something is probably wrong.
var errProblems = errors.New("problems were found")

// doctorCommand makes the command that tells what is probably wrong. It fails then.
func doctorCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "doctor", Short: "Tells what is probably wrong with the gates, and fails then", Args: cobra.NoArgs}
	asJSON := cmd.Flags().Bool("json", false, "Print the report as JSON")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		cmd.SilenceUsage = true
		return caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
			return examine(cmd.OutOrStdout(), fl, *asJSON)
		})(cmd, args)
	}
	return cmd
}

// examine asks for the report and prints it.
func examine(out io.Writer, fl caddycmd.Flags, asJSON bool) (int, error) {
	body, err := adminAnswer(fl, http.MethodGet, doctorURI)
	if err != nil {
		return caddy.ExitCodeFailedStartup, err
	}
	var report adminDoctor
	if err := json.Unmarshal(body, &report); err != nil {
		return caddy.ExitCodeFailedStartup, fmt.Errorf("reading the answer: %w", err)
	}
	if asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(report)
	} else {
		_, err = io.WriteString(out, report.text(time.Now()))
	}
	if err == nil && !report.Healthy {
		err = errProblems
	}
	if err != nil {
		return caddy.ExitCodeFailedStartup, err
	}
	return caddy.ExitCodeSuccess, nil
}

// text is the report for people.
func (r adminDoctor) text(now time.Time) string {
	var out strings.Builder
	for _, g := range r.Gates {
		g.write(&out, now)
	}
	for _, s := range r.Stores {
		state := "healthy"
		if !s.Healthy {
			state = "unavailable: " + s.Error
		}
		fmt.Fprintf(&out, "store %s\n  %s, circuit breaker %s\n", strings.TrimSpace(s.Store+" "+s.Address), state, s.Breaker)
	}
	if len(r.Gates) == 0 {
		out.WriteString("no gate in the running configuration\n")
	}
	if r.Healthy {
		out.WriteString("no problems found\n")
		return out.String()
	}
	out.WriteString("problems\n")
	for _, problem := range r.Problems {
		fmt.Fprintf(&out, "  %s\n", problem)
	}
	return out.String()
}

// write writes what a gate tells of itself, a line for each thing.
func (r gateReport) write(out *strings.Builder, now time.Time) {
	line := func(name, format string, values ...any) {
		fmt.Fprintf(out, "  %-9s %s\n", name, fmt.Sprintf(format, values...))
	}
	fmt.Fprintln(out, r.name())
	if r.Observes {
		line("observes", "lets every request through")
	}
	for _, s := range r.Secrets {
		line("secret", "%d: %s", s.Secret, s.describe())
	}
	if r.Clock != nil {
		word := "unsigned"
		if r.Clock.Signed {
			word = "signed"
		}
		line("clock", "senders' times are %.2f s behind this machine's (%d samples, %s)", r.Clock.Seconds, r.Clock.Samples, word)
	}
	switch {
	case r.Verified != nil:
		line("verified", "last %s ago", since(*r.Verified, now))
	default:
		line("verified", "nothing yet")
	}
	line("breaker", "%s, %d commits pending", r.Breaker, r.Pending)
	for _, past := range r.Refusals {
		line("refused", "%d × %s (%s), last %s ago", past.Count, past.Title, past.Code, since(past.Last, now))
	}
	for _, h := range r.Hints {
		line("hint", "%s ago, %s: %s", since(h.At, now), h.Code, strings.Join(h.Findings, "; "))
	}
	for _, name := range r.Logs {
		line("log", "%s prints signatures", name)
	}
}

func (s secretReport) describe() string {
	text := fmt.Sprintf("%d bytes", s.Bytes)
	if s.Prefix != "" {
		text += ", " + s.Prefix + "…"
	}
	if s.Short {
		text += ", so short that it can be guessed"
	}
	if s.Doubt != "" {
		text += ", probably copied with something else: " + string(s.Doubt)
	}
	return text
}

func since(at, now time.Time) time.Duration { return max(0, now.Sub(at)).Round(time.Second) }
