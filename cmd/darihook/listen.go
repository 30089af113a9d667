package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/dariapi"
	"github.com/darihook/darihook/internal/excerpt"
	"github.com/darihook/darihook/internal/listen"
)

// listenFlags are the flags of listen.
type listenFlags struct {
	schemeFlags
	listen.Options
	schedule string
	json     bool
	trust    trustFlags
}

// newListen returns the command that forwards a session's events.
func newListen() *cobra.Command {
	f := listenFlags{schemeFlags: schemeFlags{provider: contract.Dari().Name}}
	cmd := &cobra.Command{
		Use:   "listen --session ID --forward-to URL",
		Short: "Forward a session's events to a receiver on this machine",
		Long: `Follow a session on the platform and deliver its events to a receiver on this machine as the platform's
webhook would, signed with a secret of your own: no public URL is needed. What the receiver submits goes to the platform.

DARI_API_KEY holds the organization's key and DARI_API_URL the API's URL (default: ` + dariapi.DefaultURL + `);
the secret is that of --secret, --secret-file or ` + secretEnv + `. The command ends with the session. It
exits with 0 when every event was delivered, 1 when one was not or the platform refuses, 2 when its own words are wrong,
and 3 when the platform is out of reach.

Event types: ` + strings.Join(listen.Types(), ", ") + `.`,
		Example: `  darihook listen --session sess_… --forward-to http://127.0.0.1:8080/hooks
  darihook listen --session sess_… --forward-to http://localhost:3000/hooks --events tool.call_requested,session.completed --json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f.add(cmd)
	return cmd
}

// add declares the flags.
func (f *listenFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	f.addSigning(flags)
	flags.StringVar(&f.API, "api-url", cmp.Or(os.Getenv("DARI_API_URL"), dariapi.DefaultURL), "the API's URL, without /v1")
	flags.StringVar(&f.Session, "session", "", "the session's id")
	flags.StringVar(&f.Forward, "forward-to", "", "the receiver's URL, such as http://127.0.0.1:8080/hooks")
	flags.BoolVar(&f.AllowRemote, "allow-remote", false, "admit a receiver on another machine")
	f.trust.add(flags, "the platform and the receiver")
	flags.StringSliceVar(&f.Events, "events", []string{contract.ToolCallRequested}, "the event types to deliver")
	flags.StringVar(&f.After, "after", "", "the id of the event behind which to begin (default: the session's beginning)")
	flags.StringVar(&f.schedule, "retry-schedule", "", "the pause before each attempt (default: "+scheduleText(listen.DefaultSchedule())+")")
	flags.DurationVar(&f.Timeout, "timeout", contract.Dari().Delivery.Timeout, "how long an attempt may take")
	flags.IntVar(&f.MaxEvent, "max-event", listen.DefaultMaxEvent, "the largest event in bytes")
	flags.DurationVar(&f.GiveUp, "give-up", listen.DefaultGiveUp, "how long the platform may be out of reach")
	flags.BoolVar(&f.json, "json", false, "print each delivery, and the end, as a line of JSON")
	for _, name := range []string{"session", "forward-to"} {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // it was declared above
		}
	}
}

// scheduleText writes a schedule as --retry-schedule takes it.
func scheduleText(schedule []time.Duration) string {
	parts := make([]string, len(schedule))
	for i, pause := range schedule {
		parts[i] = pause.String()
	}
	return strings.Join(parts, ",")
}

// run listens, and prints what happens.
func (f *listenFlags) run(ctx context.Context, out, progress io.Writer) error {
	l, err := f.listener(out, progress)
	if err != nil {
		return wrongUsage(err)
	}
	summary, err := l.Run(ctx)
	if err == nil || summary != (listen.Summary{}) {
		f.printEnd(out, summary)
	}
	if err != nil {
		return listenError(err)
	}
	if summary.Failed > 0 {
		return failed(fmt.Errorf("%d of %d events were not delivered", summary.Failed, summary.Failed+summary.Delivered))
	}
	return nil
}

// listener makes the listener that the flags and the environment describe.
func (f *listenFlags) listener(out, progress io.Writer) (_ *listen.Listener, err error) {
	if f.Key = os.Getenv("DARI_API_KEY"); f.Key == "" {
		return nil, errors.New("no API key is given: set DARI_API_KEY")
	}
	if _, f.Scheme, f.Secrets, err = f.resolve(); err != nil {
		return nil, err
	}
	if f.Schedule, err = parseSchedule(f.schedule); err != nil {
		return nil, fmt.Errorf("parsing --retry-schedule: %w", err)
	}
	if f.Trust, err = f.trust.options(); err != nil {
		return nil, err
	}
	f.Observer = &listenPrinter{out: out, progress: progress, json: f.json}
	l, err := listen.New(f.Options)
	if errors.Is(err, listen.ErrRemote) {
		return nil, fmt.Errorf("%w; --allow-remote admits it", err)
	}
	return l, err
}

// listenError gives the end of a run its exit code: a refusal is an answer, an unreachable platform is none.
func listenError(err error) error {
	if errors.Is(err, listen.ErrUnreachable) {
		return undetermined(errors.New(excerpt.Line(err.Error())))
	}
	return failed(errors.New(excerpt.Line(err.Error())))
}

// listenPrinter prints what a run does: the deliveries as its answer, the rest as its progress.
type listenPrinter struct {
	out, progress io.Writer
	json          bool
}

// deliveryLine is a delivery as --json prints it.
type deliveryLine struct {
	ID       string  `json:"id"`
	Type     string  `json:"type"`
	Attempts int     `json:"attempts"`
	Status   int     `json:"status,omitempty"`
	TookMS   float64 `json:"took_ms"`
	Error    string  `json:"error,omitempty"`
}

// Delivered implements [listen.Observer].
func (p *listenPrinter) Delivered(d listen.Delivery) {
	line := deliveryLine{ID: d.ID, Type: d.Type, Attempts: d.Attempts, Status: d.Status, TookMS: float64(d.Took.Microseconds()) / 1000}
	outcome := fmt.Sprintf("delivered, status %d", d.Status)
	if d.Err != nil {
		line.Error = d.Err.Error()
		outcome = "not delivered: " + line.Error
	}
	if p.json {
		printJSON(p.out, line)
		return
	}
	attempts := ""
	if d.Attempts > 1 {
		attempts = fmt.Sprintf(" (%d attempts)", d.Attempts)
	}
	fmt.Fprintln(p.out, excerpt.Line(fmt.Sprintf("%s  %s  %s%s in %v", d.ID, d.Type, outcome, attempts, d.Took.Round(time.Millisecond))))
}

// Retrying implements [listen.Observer].
func (p *listenPrinter) Retrying(d listen.Delivery, pause time.Duration) {
	fmt.Fprintln(p.progress, excerpt.Line(fmt.Sprintf("%s  %s  attempt %d: %v; the next in %v", d.ID, d.Type, d.Attempts, d.Err, pause)))
}

// Reconnecting implements [listen.Observer].
func (p *listenPrinter) Reconnecting(err error, pause time.Duration) {
	fmt.Fprintln(p.progress, excerpt.Line(fmt.Sprintf("%v; trying again in %v", err, pause.Round(time.Millisecond))))
}

// endLine is the last line of --json.
type endLine struct {
	Session   string `json:"session"`
	Status    string `json:"status,omitempty"`
	Delivered int    `json:"delivered"`
	Failed    int    `json:"failed"`
	After     string `json:"last_event_id,omitempty"`
}

// printEnd tells how the run ended, and how a further one goes on where it has to.
func (f *listenFlags) printEnd(out io.Writer, s listen.Summary) {
	switch {
	case f.json:
		printJSON(out, endLine{f.Session, s.Status, s.Delivered, s.Failed, s.LastEventID})
	case s.Status != "":
		fmt.Fprintf(out, "%s is %s: %d delivered, %d not\n", f.Session, s.Status, s.Delivered, s.Failed)
	default:
		fmt.Fprintf(out, "%s has not ended: %d delivered, %d not", f.Session, s.Delivered, s.Failed)
		if s.LastEventID != "" {
			fmt.Fprintf(out, "; go on with --after %s", s.LastEventID)
		}
		fmt.Fprintln(out)
	}
}

// printJSON prints a value as one line.
func printJSON(out io.Writer, v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // texts and numbers
	}
	fmt.Fprintf(out, "%s\n", raw)
}
