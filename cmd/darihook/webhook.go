package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/darihook/darihook/internal/dariapi"
	"github.com/darihook/darihook/internal/rotation"
)

// webhookFlags are the flags by which every webhook command finds the API and the agent. The key comes from the environment
// alone, which keeps it out of process lists.
type webhookFlags struct {
	url, agent string
	trust      trustFlags
}

// newWebhook returns the command that sets an agent's webhook up.
func newWebhook() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "webhook",
		Short: "Show, set, clear and rotate an agent's webhook by the platform's API",
		Long: `Show, set, clear and rotate an agent's webhook by the platform's API.

DARI_API_KEY holds the organization's key and DARI_API_URL the API's URL (default: ` + dariapi.DefaultURL + `).`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return wrongUsage(fmt.Errorf("unknown command %q: there are get, set, clear and rotate", args[0]))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newWebhookGet(), newWebhookSet(), newWebhookClear(), newWebhookRotate())
	return cmd
}

func (f *webhookFlags) add(flags *pflag.FlagSet) {
	url := os.Getenv("DARI_API_URL")
	if url == "" {
		url = dariapi.DefaultURL
	}
	flags.StringVar(&f.url, "api-url", url, "the API's URL, without /v1")
	flags.StringVar(&f.agent, "agent", "", "the agent's id (required)")
	f.trust.add(flags, "the API")
}

// client returns a client for the API.
func (f *webhookFlags) client() (*dariapi.Client, error) {
	if f.agent == "" {
		return nil, wrongUsage(errors.New("--agent is missing"))
	}
	key := os.Getenv("DARI_API_KEY")
	if key == "" {
		return nil, wrongUsage(errors.New("no API key is given: set DARI_API_KEY"))
	}
	accepted, err := f.trust.options()
	if err != nil {
		return nil, wrongUsage(err)
	}
	c, err := dariapi.New(dariapi.Options{URL: f.url, Key: key, Trust: accepted})
	if err != nil {
		return nil, wrongUsage(err)
	}
	return c, nil
}

// webhookError gives an error of the API its exit code: the API's "no" is an answer, its silence is none.
func webhookError(err error) error {
	if _, ok := errors.AsType[*dariapi.Error](err); ok {
		return failed(err)
	}
	return undetermined(err)
}

// printWebhook writes a webhook as the API shows it.
func printWebhook(out io.Writer, w dariapi.Webhook) error {
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(w); err != nil {
		return undetermined(fmt.Errorf("writing: %w", err))
	}
	return nil
}

// newWebhookCall returns a command that makes one call and prints the answer.
func newWebhookCall(use, short string, call func(context.Context, *dariapi.Client, string) (dariapi.Webhook, error)) *cobra.Command {
	var f webhookFlags
	cmd := &cobra.Command{
		Use: use, Short: short, Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := f.client()
			if err != nil {
				return err
			}
			w, err := call(cmd.Context(), c, f.agent)
			if err != nil {
				return webhookError(err)
			}
			return printWebhook(cmd.OutOrStdout(), w)
		},
	}
	f.add(cmd.Flags())
	return cmd
}

func newWebhookGet() *cobra.Command {
	return newWebhookCall("get", "Show the webhook; the secret is never shown again",
		func(ctx context.Context, c *dariapi.Client, agent string) (dariapi.Webhook, error) {
			return c.Get(ctx, agent)
		})
}

func newWebhookClear() *cobra.Command {
	return newWebhookCall("clear", "Remove the webhook together with its secret",
		func(ctx context.Context, c *dariapi.Client, agent string) (dariapi.Webhook, error) {
			return c.Clear(ctx, agent)
		})
}

// newWebhookSet returns the command that sets the webhook.
func newWebhookSet() *cobra.Command {
	var f webhookFlags
	var url, secretFile string
	var events []string
	cmd := &cobra.Command{
		Use:   "set --agent ID --url URL",
		Short: "Set the webhook; the first time, its secret is shown once",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := f.client()
			if err != nil {
				return err
			}
			if url == "" {
				return wrongUsage(errors.New("--url is missing"))
			}
			return setWebhook(cmd, c, f.agent, url, events, secretFile)
		},
	}
	f.add(cmd.Flags())
	cmd.Flags().StringVar(&url, "url", "", "where deliveries go (required)")
	cmd.Flags().StringSliceVar(&events, "event", nil, "an event type; may be repeated (default: what the platform subscribes to by itself)")
	cmd.Flags().StringVar(&secretFile, "secret-file", "", "a new file for the secret, readable by its owner alone, instead of showing it")
	return cmd
}

// setWebhook sets the webhook and puts the secret where it belongs.
func setWebhook(cmd *cobra.Command, c *dariapi.Client, agent, url string, events []string, secretFile string) error {
	var file *os.File
	if secretFile != "" {
		var err error // before the call: the secret is shown once
		if file, err = os.OpenFile(secretFile, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
			return wrongUsage(fmt.Errorf("making the secret file: %w", err))
		}
	}
	w, err := c.Set(cmd.Context(), agent, url, events)
	switch {
	case file == nil && err != nil:
		return webhookError(err)
	case file == nil:
		return printWebhook(cmd.OutOrStdout(), w)
	case err != nil || w.SigningSecret == nil:
		_ = file.Close()
		_ = os.Remove(secretFile) // nothing is in it
		if err != nil {
			return webhookError(err)
		}
		return errors.Join(printWebhook(cmd.OutOrStdout(), w), failed(errors.New("the webhook had a secret already, which is not shown again: rotate it")))
	}
	_, err = file.WriteString(*w.SigningSecret + "\n")
	if err := errors.Join(err, file.Close()); err == nil {
		w.SigningSecret = nil // it is where it belongs
	} else {
		fmt.Fprintf(cmd.ErrOrStderr(), "darihook: writing the secret file: %v; the secret is shown instead\n", err)
	}
	return printWebhook(cmd.OutOrStdout(), w)
}

// rotateFlags are the flags of rotate.
type rotateFlags struct {
	webhookFlags
	rotation.Options
	admin string
	wait  time.Duration
}

// newWebhookRotate returns the command that rotates the secret.
func newWebhookRotate() *cobra.Command {
	var f rotateFlags
	cmd := &cobra.Command{
		Use:   "rotate --agent ID --secret-file PATH",
		Short: "Rotate the secret in a gate's secret file without refusing a delivery",
		Long: `Rotate the secret in a gate's secret file without refusing a delivery.

The file first announces the change, upon which the gate holds what does not match; then the platform makes a new secret,
which is put beside the old one; and after the overlap the old one is dropped. Each change replaces the file at one
instant and keeps its mode and owner. After each the command waits until the gate has read it: with --admin it asks
Caddy's admin endpoint, and otherwise it waits for --wait, which must be longer than a gate takes to notice a change
(at most 5 seconds). When something fails, the file holds every secret that may be in use.`,
		Example: `  darihook webhook rotate --agent agt_1 --secret-file /etc/caddy/dari-secrets --admin http://127.0.0.1:2019`,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd)
		},
	}
	f.add(cmd.Flags())
	flags := cmd.Flags()
	flags.StringVar(&f.Path, "secret-file", "", "the gate's secret file (required)")
	flags.IntVar(&f.Old, "old", 0, "which secret of the file is replaced, counted from 1 (default: the only one)")
	flags.DurationVar(&f.Overlap, "overlap", rotation.DefaultOverlap, "how long both secrets are kept")
	flags.StringVar(&f.admin, "admin", "", "Caddy's admin endpoint, or unix: and the path of its socket")
	flags.DurationVar(&f.wait, "wait", rotation.DefaultWait, "how long the gate may take to read the file")
	return cmd
}

// run rotates and tells each step.
func (f *rotateFlags) run(cmd *cobra.Command) error {
	c, err := f.client()
	if err != nil {
		return err
	}
	switch {
	case f.Path == "":
		return wrongUsage(errors.New("--secret-file is missing"))
	case f.Overlap < 0 || f.wait <= 0 || f.wait > rotation.MaxWait:
		return wrongUsage(fmt.Errorf("--overlap cannot be negative, and --wait must be at most %s", rotation.MaxWait))
	}
	f.Watch = rotation.Wait(f.wait)
	if f.admin != "" {
		f.Watch = rotation.Ask(f.admin, f.wait)
	}
	f.Rotate = func(ctx context.Context) (string, error) {
		w, err := c.Rotate(ctx, f.agent)
		if err == nil && w.SigningSecret == nil {
			err = rotation.ErrNewSecret
		}
		if err != nil {
			return "", err
		}
		return *w.SigningSecret, nil
	}
	f.Tell = func(step string) { fmt.Fprintln(cmd.OutOrStdout(), strings.TrimSpace(step)) }
	if err := rotation.Run(cmd.Context(), f.Options); err != nil {
		return rotateError(err)
	}
	return nil
}

// rotateError gives a rotation's error its exit code.
func rotateError(err error) error {
	for _, usage := range []error{rotation.ErrNoSecret, rotation.ErrWhich, rotation.ErrNoSuch, rotation.ErrFull, os.ErrNotExist} {
		if errors.Is(err, usage) {
			return wrongUsage(err)
		}
	}
	return webhookError(err)
}
