package caddymodule

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/darihook/darihook/contract"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "dari-webhook",
		Short: "Shows what the gates of a running Caddy remember",
		Long: `
Asks the admin endpoint of a running Caddy about its webhook gates: how their
stores do, which deliveries they know, what is probably wrong, and to forget one
for a manual resend. Answers are JSON; that of doctor is text unless --json is given.`,
		CobraFunc: addAdminCommands,
	})
}

// addAdminCommands gives caddy dari-webhook its commands. A word that is none of them must fail: a check of the stores' health
// that is misspelt would pass for ever.
func addAdminCommands(cmd *cobra.Command) {
	cmd.AddCommand(adminCommands()...)
	cmd.PersistentFlags().String("address", "", "Address of the admin endpoint, instead of the configuration's")
	cmd.PersistentFlags().StringP("config", "c", "", "Configuration file that tells the address")
	cmd.PersistentFlags().StringP("adapter", "a", "", "Adapter of the configuration file")
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		var known []string
		for _, c := range adminCommands() {
			known = append(known, c.Name())
		}
		return errors.New(contract.Unknown("command", args[0], known))
	}
}

// maxAnswer bounds the answer of an admin endpoint.
const maxAnswer = 8 << 20

// adminCommands are the commands below caddy dari-webhook.
func adminCommands() []*cobra.Command {
	return []*cobra.Command{
		adminCommand("stores", "Lists the stores, their gates and breakers", http.MethodGet, "stores"),
		adminCommand("health", "Fails when a store does not answer", http.MethodGet, "health"),
		doctorCommand(),
		adminCommand("recent", "Lists the deliveries claimed or recorded last", http.MethodGet, "ids", "scope", "limit"),
		adminCommand("lookup <id>", "Tells what is known of a delivery", http.MethodGet, "id", "scope"),
		adminCommand("forget <id>", "Forgets a recorded delivery, so that it can be sent again", http.MethodDelete, "id", "scope"),
	}
}

// queryFlags are the flags that become parameters of the query.
var queryFlags = map[string]string{
	"scope": "Scope of the deliveries; needed when the gates have several",
	"limit": "How many deliveries of each store, at most 1000 (default 20)",
}

// adminCommand makes a command that asks the admin endpoint, with some of the flags above.
func adminCommand(use, short, method, path string, flags ...string) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs}
	if path == "id" {
		cmd.Args = cobra.ExactArgs(1)
	}
	for _, name := range flags {
		cmd.Flags().String(name, "", queryFlags[name])
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		query := make(url.Values)
		for _, name := range flags {
			if value := cmd.Flags().Lookup(name).Value.String(); value != "" {
				query.Set(name, value)
			}
		}
		if len(args) == 1 {
			query.Set("id", args[0])
		}
		run := caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
			return askAdmin(cmd.OutOrStdout(), fl, method, "/dari_webhook/"+path+"?"+query.Encode())
		})
		cmd.SilenceUsage = true
		return run(cmd, args)
	}
	return cmd
}

// askAdmin asks the admin endpoint and prints its answer.
func askAdmin(out io.Writer, fl caddycmd.Flags, method, uri string) (int, error) {
	body, err := adminAnswer(fl, method, uri)
	if err != nil {
		return caddy.ExitCodeFailedStartup, err
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, body, "", "  "); err != nil {
		return caddy.ExitCodeFailedStartup, fmt.Errorf("reading the answer: %w", err)
	}
	_, err = pretty.WriteTo(out)
	return caddy.ExitCodeSuccess, err
}

// adminAnswer returns the admin endpoint's answer.
func adminAnswer(fl caddycmd.Flags, method, uri string) ([]byte, error) {
	address, err := caddycmd.DetermineAdminAPIAddress(fl.String("address"), nil, fl.String("config"), fl.String("adapter"))
	if err != nil {
		return nil, fmt.Errorf("finding the admin endpoint: %w", err)
	}
	resp, err := caddycmd.AdminAPIRequest(address, method, uri, nil, nil)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	if len(body) > maxAnswer {
		return nil, errors.New("reading the answer: it is too long")
	}
	return body, nil
}
