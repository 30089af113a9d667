package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver"
	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/faults"
)

// triggerFlags are the flags of trigger.
type triggerFlags struct {
	mock, agent, data string
	count             int
	faults            []string
	json              bool
}

// newTrigger returns the command that emits events on a running mock.
func newTrigger() *cobra.Command {
	var f triggerFlags
	cmd := &cobra.Command{
		Use:   "trigger [flags] EVENT-TYPE",
		Short: "Emit events on a running mock platform",
		Long: `Emit events on a running mock platform, which delivers them to the agent's webhook. It exits with 1 when no webhook takes
them.

A platform that has no event types, as Tess, takes ''.

Event types: ` + strings.Join(eventTypes(), ", ") + `.
Faults: ` + strings.Join(faultKinds(), ", ") + `.`,
		Example: `  darihook trigger tool.call_requested
  darihook trigger session.completed --count 100 --fault duplicate_concurrent
  darihook trigger tool.call_requested --data '{"tool_name":"refund"}' --fault stale`,
		Args:      oneArgument("an event type, such as tool.call_requested"),
		ValidArgs: eventTypes(),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.Context(), cmd.OutOrStdout(), args[0])
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.mock, "mock", mockURL(), "the mock's URL, or unix: and the path of its socket (also DARIHOOK_MOCK_URL)")
	flags.StringVar(&f.agent, "agent", "", "the agent whose webhook gets the events (default: the only one)")
	flags.StringVar(&f.data, "data", "", "a JSON object laid over the event's data")
	flags.IntVar(&f.count, "count", 1, "how many events")
	flags.StringArrayVar(&f.faults, "fault", nil, "what goes wrong with the first attempt: a kind, or a fault as JSON")
	flags.BoolVar(&f.json, "json", false, "print the answer as JSON")
	return cmd
}

// mockURL is where the mock is unless a flag says otherwise.
func mockURL() string {
	if url := os.Getenv("DARIHOOK_MOCK_URL"); url != "" {
		return url
	}
	return "http://" + mockserver.DefaultListen
}

func eventTypes() (types []string) {
	for _, name := range mockserver.Providers() {
		p, _ := contract.ProviderFor(name)
		types = append(types, p.EventTypes()...)
	}
	return types
}

func faultKinds() (names []string) {
	for _, k := range faults.Kinds() {
		names = append(names, k.Name)
	}
	return names
}

// run emits and prints what came of it.
func (f *triggerFlags) run(ctx context.Context, out io.Writer, eventType string) error {
	event, err := f.event(eventType)
	if err != nil {
		return wrongUsage(err)
	}
	emitted, err := client.New(f.mock).Emit(ctx, event)
	if refused, ok := errors.AsType[*client.Error](err); ok && refused.Status == 422 {
		return wrongUsage(fmt.Errorf("emitting: %w", err))
	}
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, os.ErrNotExist) {
		return failed(fmt.Errorf("no mock answers at %s: darihook mock starts one, and --mock or DARIHOOK_MOCK_URL names another: %w", f.mock, err))
	}
	undelivered, nobody := errors.AsType[*client.UndeliveredError](err)
	if err != nil && !nobody {
		return failed(fmt.Errorf("emitting: %w", err))
	}
	answer := client.Emission{Events: emitted}
	if nobody {
		answer.Undelivered = undelivered.Reason
	}
	if err := f.print(out, answer); err != nil {
		return failed(fmt.Errorf("writing: %w", err))
	}
	if nobody {
		return failed(fmt.Errorf("%w: darihook mock --forward-to, the console, or PUT /_mock/agents/<id>/webhook sets one for every type", err))
	}
	return nil
}

// event makes the call's body from the flags.
func (f *triggerFlags) event(eventType string) (client.Event, error) {
	if f.count < 1 {
		return client.Event{}, errors.New("--count must be at least 1")
	}
	event := client.Event{AgentID: f.agent, Type: eventType, Count: f.count}
	if f.data != "" {
		if err := json.Unmarshal([]byte(f.data), &event.Data); err != nil {
			return event, fmt.Errorf("parsing --data: %w", err)
		}
	}
	for _, text := range f.faults {
		raw := []byte(text)
		if !strings.HasPrefix(strings.TrimSpace(text), "{") {
			raw, _ = json.Marshal(text) // a string always encodes
		}
		var fault client.FaultRef
		if err := json.Unmarshal(raw, &fault); err != nil {
			return event, fmt.Errorf("parsing --fault: %w", err)
		}
		event.Faults = append(event.Faults, fault)
	}
	return event, nil
}

// print tells the ids, one event a line.
func (f *triggerFlags) print(out io.Writer, emission client.Emission) error {
	if f.json {
		return json.NewEncoder(out).Encode(emission)
	}
	for _, e := range emission.Events {
		line := e.ID
		if e.DeliveryID != "" {
			line += "  " + e.DeliveryID
		}
		if _, err := fmt.Fprintln(out, line); err != nil {
			return err
		}
	}
	return nil
}
