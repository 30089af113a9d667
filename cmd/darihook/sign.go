package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/darihook/darihook/internal/capture"
	"github.com/darihook/darihook/signature"
)

// signFlags are the flags of sign.
type signFlags struct {
	schemeFlags
	id, at, format, url string
}

// newSign returns the command that signs a body.
func newSign() *cobra.Command {
	var f signFlags
	cmd := &cobra.Command{
		Use:   "sign [flags] BODY-FILE",
		Short: "Sign a body and print the headers of its delivery",
		Long: `Sign a body as the platform would and print the headers of its delivery, or a curl
command that sends it. The body is read from BODY-FILE, or from standard input when that is "-".`,
		Example: `  DARI_WEBHOOK_SECRET=whsec_… darihook sign body.json
  darihook sign --secret-file secrets --format curl --url http://127.0.0.1:8080/hooks body.json | sh`,
		Args: oneArgument("the file of the body, or - for standard input"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.OutOrStdout(), cmd.InOrStdin(), args[0])
		},
	}
	f.add(cmd.Flags())
	cmd.Flags().StringVar(&f.id, "id", "", "the delivery's id (default: the id at the top of the body)")
	cmd.Flags().StringVar(&f.at, "timestamp", "", "seconds since 1970 or an RFC 3339 time (default: now)")
	cmd.Flags().StringVar(&f.format, "format", "headers", "headers, json or curl")
	cmd.Flags().StringVar(&f.url, "url", "http://127.0.0.1:8080/", "where the curl command sends the delivery")
	return cmd
}

// run signs and prints.
func (f *signFlags) run(out io.Writer, stdin io.Reader, path string) error {
	_, scheme, secrets, err := f.resolve()
	if err != nil {
		return wrongUsage(err)
	}
	body, err := readInput(stdin, path)
	if err != nil {
		return undetermined(fmt.Errorf("reading the body: %w", err))
	}
	at, err := parseTime(f.at)
	if err != nil {
		return wrongUsage(fmt.Errorf("parsing --timestamp: %w", err))
	}
	signer, err := signature.NewSigner(signature.SignerOptions{Scheme: scheme, Secrets: secrets})
	if err != nil {
		return wrongUsage(err)
	}
	id := f.id
	if id == "" {
		id = bodyID(body)
	}
	fields, err := signer.Sign(signature.Message{ID: id, Time: at, Body: body})
	if err != nil {
		return failed(fmt.Errorf("signing: %w", err))
	}
	return f.print(out, fields, body)
}

// bodyID returns the id at the top of a body, or "" where it has none: the id is then not sent.
func bodyID(body []byte) string {
	var envelope struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(body, &envelope) != nil {
		return ""
	}
	return envelope.ID
}

// print writes the fields in the form that was asked for.
func (f *signFlags) print(out io.Writer, fields []signature.Field, body []byte) error {
	switch f.format {
	case "headers":
		for _, field := range fields {
			fmt.Fprintf(out, "%s: %s\n", field.Name, field.Value)
		}
	case "json":
		headers := map[string]string{}
		for _, field := range fields {
			headers[field.Name] = field.Value
		}
		return json.NewEncoder(out).Encode(headers)
	case "curl":
		fmt.Fprintf(out, "curl --header 'Content-Type: application/json' \\\n")
		for _, field := range fields {
			fmt.Fprintf(out, "  --header %s \\\n", shellQuote(field.Name+": "+field.Value))
		}
		fmt.Fprintf(out, "  --data-binary %s \\\n  %s\n", shellQuote(string(body)), shellQuote(f.url))
	default:
		return wrongUsage(fmt.Errorf("unknown format %q; known are headers, json, curl", f.format))
	}
	return nil
}

// shellQuote quotes a text for a POSIX shell.
func shellQuote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// readInput reads a file, or standard input for "-", up to the size of a capture.
func readInput(stdin io.Reader, path string) ([]byte, error) {
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		stdin = file
	}
	data, err := io.ReadAll(io.LimitReader(stdin, capture.MaxSize+1))
	if err == nil && len(data) > capture.MaxSize {
		return nil, capture.ErrTooLarge
	}
	return data, err
}
