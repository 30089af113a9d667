package main

import (
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/darihook/darihook"
	"github.com/darihook/darihook/internal/demo"
)

// newDemo returns the command that shows the gate at work.
func newDemo() *cobra.Command {
	var o demo.Options
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run the gate between a mock platform and a receiver, and show what gets through",
		Long: `Run the gate with the repository's Caddyfile between a mock platform and a receiver, each in a process of
its own; send good, broken and hostile deliveries; and print what was sent, what the gate answered and what
the receiver saw. It needs a caddy with the gate beside this program or in the path, and exits with 0 only if
every row is as promised.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			self, err := os.Executable()
			if err != nil {
				return undetermined(err)
			}
			o.Caddyfile, o.Receiver, o.Out = darihook.Caddyfile, []string{self, "demo", "receiver"}, cmd.OutOrStdout()
			return demoCode(demo.Run(cmd.Context(), o))
		},
	}
	cmd.Flags().StringVar(&o.Caddy, "caddy", "", "the caddy binary with the gate (default: beside this program, or in the path)")
	cmd.Flags().BoolVar(&o.Serve, "serve", false, "keep everything running after the table, with the console")
	cmd.AddCommand(newDemoReceiver())
	return cmd
}

// newDemoReceiver returns the command by which the demo runs its receiver in a process of its own.
func newDemoReceiver() *cobra.Command {
	return &cobra.Command{
		Use: "receiver", Short: "Be the receiver of the demo", Hidden: true, Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return demoCode(demo.ServeReceiver(cmd.Context(), cmd.OutOrStdout()))
		},
	}
}

// demoCode tells a broken promise from a demo that could not be shown.
func demoCode(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, demo.ErrPromise):
		return failed(err)
	}
	return undetermined(err)
}
