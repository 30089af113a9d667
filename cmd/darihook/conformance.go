package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/darihook/darihook/conformance"
	"github.com/darihook/darihook/contract"
)

// newConformance returns the command that judges an implementation.
func newConformance() *cobra.Command {
	var list conformanceFlags
	cmd := &cobra.Command{
		Use:   "conformance ROLE",
		Short: "Judge a receiver, sender, configuration API or gate, clause by clause",
		Long: `Judge an implementation of one side of the contract and say which clauses it keeps.

Exit codes: 0 conformant, 1 not conformant, 2 wrong usage, 3 undetermined, partial, or nothing ran.

Every flag can also be given as an environment variable, such as DARIHOOK_CONFORMANCE_SECOND_SECRET for
--second-secret, or in a YAML file named by --config, with the flags' names as keys. A flag on the command line comes
before the environment, the environment before the file, and the file before the default. What belongs to no flag is
refused.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return wrongUsage(fmt.Errorf("unknown role %q: the roles are receiver, sender, config and gate", args[0]))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !list.list {
				if err := cmd.Help(); err != nil {
					return fmt.Errorf("printing the help: %w", err)
				}
				return wrongUsage(errNoRole)
			}
			return listAll(cmd.OutOrStdout(), list.Provider)
		},
	}
	cmd.Flags().BoolVar(&list.list, "list", false, "list the clauses of every role that can be judged, and run nothing")
	providerFlag(cmd.Flags(), &list)
	cmd.AddCommand(
		newRole(contract.Receiver, "Judge what takes deliveries", receiverFlags,
			"  darihook conformance receiver --target http://127.0.0.1:8080/hooks/dari --secret whsec_…"),
		newRole(contract.Gate, "Judge what stands in front of a receiver", gateFlags,
			"  darihook conformance gate --target http://127.0.0.1:8080/hooks/dari --secret whsec_… --upstream-listen 127.0.0.1:9000"),
		newRole(contract.Sender, "Judge what makes deliveries", senderFlags,
			"  darihook conformance sender --api http://127.0.0.1:4180 --api-key K --agent agt_mock \\\n"+
				"    --trigger http://127.0.0.1:4180/_mock/events --advance http://127.0.0.1:4180/_mock/clock/advance"),
		newRole(contract.Config, "Judge the configuration API", configFlags,
			"  darihook conformance config --api http://127.0.0.1:4180 --api-key K --agent agt_mock\n"+
				"  darihook conformance config --provider danube --api http://127.0.0.1:4180 --api-key K"),
	)
	return cmd
}

// errNoRole ends a run that was not told what to judge: a job whose role is missing must not pass.
var errNoRole = errors.New("no role is given: the roles are receiver, sender, config and gate")

// listAll lists the clauses of every role of a provider that can be judged.
func listAll(w io.Writer, provider string) error {
	if _, ok := contract.ProviderFor(provider); !ok {
		return wrongUsage(contract.UnknownProvider(provider))
	}
	for _, role := range conformance.Roles() {
		var list strings.Builder
		err := conformance.List(&list, conformance.Config{Role: role, Provider: provider})
		if _, unjudged := errors.AsType[*conformance.UsageError](err); unjudged {
			continue
		}
		if err != nil {
			return fmt.Errorf("listing the clauses: %w", err)
		}
		fmt.Fprintf(w, "%s\n%s\n", role, list.String())
	}
	return nil
}

// conformanceFlags is what the flags of a role fill in.
type conformanceFlags struct {
	conformance.Config
	clauses, levels, skip []string
	expected              string
	reports, file         string
	list, quiet           bool
}

// newRole returns the command that judges one role.
func newRole(role contract.Role, short string, add func(*pflag.FlagSet, *conformanceFlags), example string) *cobra.Command {
	f := &conformanceFlags{}
	f.Role = role
	cmd := &cobra.Command{
		Use: string(role), Short: short, Example: example,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := layer(cmd.Flags(), f); err != nil {
				return wrongUsage(err)
			}
			return f.run(cmd)
		},
	}
	cmd.Flags().SortFlags = false
	add(cmd.Flags(), f)
	commonFlags(cmd.Flags(), f)
	return cmd
}

// takerFlags are the flags of those who take deliveries.
func takerFlags(fs *pflag.FlagSet, f *conformanceFlags) {
	fs.StringVar(&f.Target, "target", "", "URL that takes deliveries (required)")
	fs.StringVar(&f.Secret, "secret", "", "signing secret that the target knows (required; the environment keeps it out of process lists)")
	fs.StringVar(&f.SecondSecret, "second-secret", "", "another secret that the target knows, as during a rotation")
	fs.DurationVar(&f.Past, "past", contract.DefaultPast, "how old a delivery the target takes")
	fs.DurationVar(&f.Future, "future", contract.DefaultFuture, "how far ahead of its clock a delivery may be dated")
	fs.StringVar(&f.PublicURL, "public-url", "", "base URL under which the target reaches the suite (default: the address that it listens on)")
}

func receiverFlags(fs *pflag.FlagSet, f *conformanceFlags) {
	takerFlags(fs, f)
	fs.StringVar(&f.Counter, "counter", "", `URL that answers {"count":N} to GET ?id=<delivery id>, for receivers that post no results`)
	fs.StringVar(&f.Listen, "listen", "127.0.0.1:0", "address on which the suite takes results")
}

func gateFlags(fs *pflag.FlagSet, f *conformanceFlags) {
	takerFlags(fs, f)
	fs.StringVar(&f.UpstreamListen, "upstream-listen", "", "address on which the suite plays the receiver behind the gate (required)")
	fs.StringVar(&f.Alias, "alias", "", "another URL of the same gate")
	fs.Int64Var(&f.MaxBody, "max-body", contract.MaxBody, "largest body in bytes that the gate takes")
	fs.Int64Var(&f.BodyBudget, "body-budget", 0, "bound in bytes on all bodies in flight")
	fs.DurationVar(&f.UpstreamTimeout, "upstream-timeout", 0, "how long the gate waits for its receiver")
	fs.StringVar(&f.StoreFault, "store-fault", "", "URL or command that takes the gate's store away and brings it back")
}

// apiFlags are the flags of the roles around the configuration API.
func apiFlags(fs *pflag.FlagSet, f *conformanceFlags) {
	fs.StringVar(&f.API, "api", "", "base URL of the configuration API, without /v1 or, for tess, /agents (required)")
	fs.StringVar(&f.APIKey, "api-key", "", "bearer key of the API (required)")
	fs.StringVar(&f.Agent, "agent", "", "id of the agent whose webhook the suite may change (required, but for danube)")
	fs.StringVar(&f.Trigger, "trigger", "", "URL or command that makes the platform emit an event")
	fs.StringVar(&f.Advance, "advance", "", "URL or command that moves the platform's clock on")
}

func configFlags(fs *pflag.FlagSet, f *conformanceFlags) {
	apiFlags(fs, f)
	fs.StringVar(&f.OtherAgent, "other-agent", "", "id of a second agent whose webhook the suite may change (default: with dari, one that has none)")
	fs.IntVar(&f.RateLimit, "rate-limit", 0, "calls that the API lets a key make in a minute, where it limits them, as tess does")
	fs.StringVar(&f.Workspace, "workspace", "", "id of the workspace that the API's key belongs to, where there are some, as with tess")
	fs.StringVar(&f.WebhookURL, "webhook-url", "", "URL that the API accepts (default: https://1.1.1.1/dari-conformance)")
}

func senderFlags(fs *pflag.FlagSet, f *conformanceFlags) {
	apiFlags(fs, f)
	fs.Float64Var(&f.TimeScale, "time-scale", 1, "how many times faster than the clock the sender's schedule runs")
	fs.DurationVar(&f.AttemptTimeout, "attempt-timeout", contract.Dari().Delivery.Timeout, "how long the sender waits for an answer")
	fs.DurationVar(&f.RotationOverlap, "rotation-overlap", 0, "how long the old secret goes on signing after a rotation")
	fs.StringVar(&f.Listen, "listen", "127.0.0.1:0", "address on which the suite takes deliveries")
	fs.StringVar(&f.PublicURL, "public-url", "", "base URL under which the sender reaches the suite")
}

// providerFlag is the flag of the platform.
func providerFlag(fs *pflag.FlagSet, f *conformanceFlags) {
	fs.StringVar(&f.Provider, "provider", "dari", "platform whose contract applies")
}

// commonFlags are the flags of every role.
func commonFlags(fs *pflag.FlagSet, f *conformanceFlags) {
	providerFlag(fs, f)
	fs.StringVar(&f.Scheme, "scheme", "", "signing scheme of the provider, or a .json file that holds one")
	fs.StringVar(&f.reports, "report", "", "folder for report.json, junit.xml, report.html and badge.svg")
	fs.BoolVar(&f.list, "list", false, "list the role's clauses and run nothing")
	fs.StringSliceVar(&f.clauses, "clause", nil, "run these clauses only")
	fs.StringSliceVar(&f.levels, "level", nil, "run clauses of these levels only: MUST, SHOULD, MAY")
	fs.StringArrayVar(&f.skip, "skip", nil, "leave a clause out, as ID=REASON")
	fs.StringVar(&f.expected, "expected-failures", "", "file of clauses that are known to fail, one ID and its reason a line")
	fs.BoolVar(&f.AllowPartial, "allow-partial", false, "exit 0 although a deciding clause was left out")
	fs.Int64Var(&f.Seed, "seed", 1, "order of the specs")
	fs.IntVar(&f.Parallel, "parallel", 8, "how many specs run at once, where the role allows it")
	fs.DurationVar(&f.Timeout, "timeout", contract.Dari().Delivery.Timeout, "time within which the target must answer")
	fs.DurationVar(&f.Patience, "patience", 0, "how long to wait for what must happen (default: 5s)")
	fs.DurationVar(&f.Settle, "settle", 0, "how long to watch for what must not happen (default: 250ms)")
	fs.StringVar(&f.Implementation.Name, "implementation", "", "name of the judged software, for the report")
	fs.StringVar(&f.Implementation.Version, "implementation-version", "", "its version")
	fs.StringVar(&f.Implementation.URL, "implementation-url", "", "its home page")
	fs.BoolVar(&f.quiet, "quiet", false, "print the result alone")
	fs.StringVar(&f.file, "config", "", "YAML file with the flags' names as keys")
}

// run lists or judges, and turns the result into an exit code.
func (f *conformanceFlags) run(cmd *cobra.Command) error {
	if err := f.complete(); err != nil {
		return wrongUsage(err)
	}
	if f.list {
		return conformance.List(cmd.OutOrStdout(), f.Config)
	}
	if f.Role == contract.Gate && f.UpstreamListen == "" {
		return wrongUsage(errors.New("the role gate needs --upstream-listen"))
	}
	if err := writable(f.reports); err != nil {
		return wrongUsage(err)
	}
	return f.judge(cmd)
}

// judge runs the suite and reports.
func (f *conformanceFlags) judge(cmd *cobra.Command) error {
	console := conformance.NewConsole(cmd.OutOrStdout())
	var observers []func(conformance.Result)
	if !f.quiet {
		observers = append(observers, console.Observe)
	}
	report, err := conformance.Judge(cmd.Context(), f.Config, observers...)
	if err != nil {
		return wrongUsage(err)
	}
	if f.quiet {
		fmt.Fprintln(cmd.OutOrStdout(), report.Result)
	} else {
		console.Conclude(report)
	}
	if f.reports != "" {
		if err := report.Write(f.reports); err != nil {
			return wrongUsage(err)
		}
	}
	return exitFor(report)
}

// exitFor is the error that gives a report's exit code.
func exitFor(r *conformance.Report) error {
	why := fmt.Errorf("%s: %s", r.Result, r.Problem)
	switch r.Exit {
	case conformance.ExitPassed:
		return nil
	case conformance.ExitFailed:
		return failed(why)
	}
	return undetermined(why)
}

// complete turns the flags that are lists and files into their places in the configuration.
func (f *conformanceFlags) complete() error {
	for _, id := range f.clauses {
		f.Clauses = append(f.Clauses, contract.ClauseID(strings.ToUpper(strings.TrimSpace(id))))
	}
	for _, level := range f.levels {
		f.Levels = append(f.Levels, contract.Level(strings.ToUpper(strings.TrimSpace(level))))
	}
	f.Skip = map[contract.ClauseID]string{}
	for _, s := range f.skip {
		id, reason, found := strings.Cut(s, "=")
		if !found || strings.TrimSpace(reason) == "" {
			return fmt.Errorf("--skip %q gives no reason: write ID=REASON", s)
		}
		f.Skip[contract.ClauseID(strings.ToUpper(strings.TrimSpace(id)))] = strings.TrimSpace(reason)
	}
	var err error
	if f.expected != "" {
		f.ExpectedFailures, err = readExpected(f.expected)
	}
	return err
}

// readExpected reads a file of expected failures: an id and a reason on each line, # begins a comment.
func readExpected(path string) (map[contract.ClauseID]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the expected failures: %w", err)
	}
	expected := map[contract.ClauseID]string{}
	for i, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		id, reason, _ := strings.Cut(line, " ")
		if reason = strings.TrimSpace(reason); reason == "" {
			return nil, fmt.Errorf("%s, line %d: the clause %s has no reason", path, i+1, id)
		}
		expected[contract.ClauseID(id)] = reason
	}
	return expected, nil
}

// writable makes sure, before anything runs, that the report folder can be written.
func writable(dir string) error {
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making the report folder: %w", err)
	}
	f, err := os.CreateTemp(dir, ".darihook-*")
	if err != nil {
		return fmt.Errorf("writing into the report folder: %w", err)
	}
	f.Close()
	return os.Remove(filepath.Clean(f.Name()))
}
