package main

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// run executes one command line and returns its exit code.
func run(ctx context.Context, args []string, stdout, stderr *os.File) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err != nil {
		complain(stderr, err)
	}
	return exitCode(err)
}

// newRoot returns the command tree.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "darihook",
		Short:         "Verify, mock and judge signed agent webhooks",
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newDemo(), newSign(), newVerify(), newConformance(), newMock(), newTrigger(), newWebhook(), newListen())
	return root
}

// noArguments refuses what is no flag, where there are only flags.
func noArguments(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return wrongUsage(fmt.Errorf("unexpected argument %q: see --help for the flags", args[0]))
	}
	return nil
}

// oneArgument asks for the one argument of a command, which it describes.
func oneArgument(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return wrongUsage(fmt.Errorf("name %s: see --help", what))
		case len(args) > 1:
			return wrongUsage(fmt.Errorf("unexpected argument %q: only %s is named", args[1], what))
		}
		return nil
	}
}

// version returns the version of the module that this program was built from, or "(devel)" for a checkout.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "(unknown)"
}
