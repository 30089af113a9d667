package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/capture"
	"github.com/darihook/darihook/signature"
)

// verifyFlags are the flags of verify.
type verifyFlags struct {
	schemeFlags
	headers   []string
	body      string
	now       string
	tolerance time.Duration
	future    time.Duration
	entry     int
	json      bool
}

// newVerify returns the command that verifies a captured request.
func newVerify() *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify [flags] [CAPTURE]",
		Short: "Verify a captured request and say why it fails",
		Long: `Verify a captured request. CAPTURE is a file, or "-" for standard input, with the raw text of an
HTTP request, a HAR file, or a curl command; instead of it, --header and --body give the parts.

When the signature does not fit, the command tries the other readings of the scheme, of the secret and of the
body, and says which of them would fit. Judged are the signature and its timestamp; what a gate asks of the body
besides, such as an id, is not.

It exits with 0 when the request is accepted, 1 when it is refused, 2 when
its own words are wrong, and 3 when the capture cannot be read.`,
		Example: `  DARI_WEBHOOK_SECRET=whsec_… darihook verify request.http
  darihook verify --secret-file secrets --now 2026-08-01T12:00:00Z traffic.har
  darihook verify --header 'Dari-Webhook-Signature: t=…,v1=…' --body body.json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.OutOrStdout(), cmd.InOrStdin(), args)
		},
	}
	f.add(cmd.Flags())
	flags := cmd.Flags()
	flags.StringArrayVarP(&f.headers, "header", "H", nil, "a header as 'Name: value'; may be repeated")
	flags.StringVar(&f.body, "body", "", "a file with the raw body, or - for standard input")
	flags.StringVar(&f.now, "now", "", "when the request arrived: seconds since 1970 or an RFC 3339 time (default: when the entry of a HAR file says, and now otherwise)")
	flags.DurationVar(&f.tolerance, "tolerance", contract.DefaultPast, "how old the request may be")
	flags.DurationVar(&f.future, "future", 0, "how far in the future it may be dated (default: as --tolerance)")
	flags.IntVar(&f.entry, "entry", 0, "the number of the entry of a HAR file (default: the only one that is signed)")
	flags.BoolVar(&f.json, "json", false, "print the verdict as JSON")
	return cmd
}

// verdict is what verify prints.
type verdict struct {
	Verdict   string              `json:"verdict"`
	Code      contract.Code       `json:"code,omitempty"`
	Clause    contract.ClauseID   `json:"clause,omitempty"`
	Rule      string              `json:"rule,omitempty"`
	Reason    string              `json:"reason,omitempty"`
	Scheme    string              `json:"scheme"`
	Timestamp *time.Time          `json:"timestamp,omitempty"`
	Secret    int                 `json:"secret,omitempty"`
	Notes     []string            `json:"notes,omitempty"`
	Findings  []signature.Finding `json:"findings,omitempty"`
}

// run verifies and prints the verdict; a refusal is an error with the exit code of a failure.
func (f *verifyFlags) run(out io.Writer, stdin io.Reader, args []string) error {
	provider, scheme, secrets, err := f.resolve()
	if err != nil {
		return wrongUsage(err)
	}
	now, err := parseTime(f.now)
	if err != nil {
		return wrongUsage(fmt.Errorf("parsing --now: %w", err))
	}
	verifier, err := signature.NewVerifier(signature.Options{
		Scheme: scheme, Secrets: secrets, Window: signature.Window{Past: f.tolerance, Future: f.future},
	})
	if err != nil {
		return wrongUsage(err)
	}
	request, err := f.request(stdin, args, scheme)
	if err != nil {
		return err
	}
	if f.now == "" && !request.Time.IsZero() {
		now = request.Time
	}
	v, err := judge(verifier, provider, scheme, secrets, request, now)
	if err != nil {
		return undetermined(err)
	}
	if v.Code == contract.CodeTimestampStale && f.now == "" && request.Time.IsZero() {
		v.Notes = append(v.Notes, "judged as if it arrived now: --now takes the time at which it did")
	}
	if err := v.print(out, f.json); err != nil {
		return undetermined(err)
	}
	if v.Code != "" {
		return failed(errPrinted)
	}
	return nil
}

// request reads the capture, or the parts that the flags give.
func (f *verifyFlags) request(stdin io.Reader, args []string, scheme contract.Scheme) (capture.Request, error) {
	parts := len(f.headers) > 0 || f.body != ""
	switch {
	case parts && len(args) > 0:
		return capture.Request{}, wrongUsage(errors.New("a capture and --header or --body exclude each other"))
	case parts:
		return f.parts(stdin)
	case len(args) == 0:
		return capture.Request{}, wrongUsage(errors.New("no request is given: name a capture, or use --header and --body"))
	}
	data, err := readInput(stdin, args[0])
	if err != nil {
		return capture.Request{}, undetermined(fmt.Errorf("reading the capture: %w", err))
	}
	request, err := capture.Parse(data, capture.Options{Header: scheme.Header, Entry: f.entry})
	if err != nil {
		return capture.Request{}, undetermined(fmt.Errorf("reading the capture: %w", err))
	}
	return request, nil
}

// parts puts a request together from --header and --body.
func (f *verifyFlags) parts(stdin io.Reader) (capture.Request, error) {
	request := capture.Request{Method: http.MethodPost, Header: http.Header{}}
	for _, line := range f.headers {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return request, wrongUsage(fmt.Errorf("--header %q is not of the form 'Name: value'", line))
		}
		request.Header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	if f.body == "" {
		return request, nil
	}
	body, err := readInput(stdin, f.body)
	if err != nil {
		return request, undetermined(fmt.Errorf("reading the body: %w", err))
	}
	request.Body = body
	return request, nil
}

// judge verifies a request and, where it is refused, looks for readings under which its signature fits.
func judge(verifier *signature.Verifier, p contract.Provider, scheme contract.Scheme, secrets []signature.Secret, r capture.Request, now time.Time) (verdict, error) {
	v := verdict{Verdict: "accepted", Scheme: scheme.Name, Notes: r.Notes}
	verified, err := verifier.Verify(r.Header, r.Body, now)
	if err == nil {
		v.Secret = verified.Secret + 1
		if scheme.TimestampField != "" {
			v.Notes = append(v.Notes, "a gate judges the time in the body's "+scheme.TimestampField+" as well, which was not done here")
		}
		if !verified.Timestamp.IsZero() {
			v.Timestamp = &verified.Timestamp
		}
		return v, nil
	}
	refusal, ok := errors.AsType[*signature.Error](err)
	if !ok {
		return v, err
	}
	v.Verdict, v.Code, v.Clause = "refused", refusal.Code, refusal.Clause
	v.Reason = refusal.Error()
	if clause, ok := contract.ClauseFor(refusal.Clause); ok {
		v.Rule = clause.Text
	}
	if v.Findings = explain(p, scheme, secrets, r, now); len(v.Findings) == 0 {
		for _, hint := range signature.HeaderHints(scheme, r.Header) {
			v.Notes = append(v.Notes, string(hint))
		}
	}
	return v, nil
}

// explain looks for readings under which the signature fits: first of all within the scheme itself, since where that
// explains the refusal the others only distract; then among the provider's schemes, among these with other signed content,
// and then among everybody's.
func explain(p contract.Provider, scheme contract.Scheme, secrets []signature.Secret, r capture.Request, now time.Time) []signature.Finding {
	everybody := func() (all []contract.Scheme) {
		for _, other := range contract.Providers() {
			all = append(all, other.Schemes()...)
		}
		return all
	}
	for _, schemes := range [][]contract.Scheme{{scheme}, p.Schemes(), signature.OtherContents(append(p.Schemes(), scheme)), everybody()} {
		if findings := signature.Explain(schemes, secrets, r.Header, r.Body, now); len(findings) > 0 {
			return findings
		}
	}
	return nil
}

// print writes the verdict for people or for programs.
func (v verdict) print(out io.Writer, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		return enc.Encode(v)
	}
	for _, note := range v.Notes {
		fmt.Fprintf(out, "note: %s\n", note)
	}
	if v.Code == "" {
		fmt.Fprintf(out, "accepted: scheme %s, secret %d", v.Scheme, v.Secret)
		if v.Timestamp != nil {
			fmt.Fprintf(out, ", dated %s", v.Timestamp.Format(time.RFC3339))
		}
		fmt.Fprintln(out)
		return nil
	}
	fmt.Fprintf(out, "refused: %s\n  rule %s: %s\n", v.Reason, v.Clause, v.Rule)
	if len(v.Findings) == 0 {
		fmt.Fprintln(out, "  No reading that was tried fits: another secret, a body changed in another way, or a forgery.")
	}
	for _, finding := range v.Findings {
		fmt.Fprintf(out, "  It %s.\n", finding)
	}
	return nil
}
