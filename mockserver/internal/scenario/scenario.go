// Package scenario reads the scripts that stand in for the model: what an agent does with a message, step by step. A
// script is data, YAML or JSON.
package scenario

import (
	"encoding/json"
	"fmt"
	"regexp"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/darihook/darihook/mockserver/internal/httpjson"
)

// The bounds of a script.
const (
	MaxSize  = 1 << 20
	maxSteps = 1000
	maxTools = 100
	maxWait  = 366 * 24 * time.Hour
)

// DefaultTimeout is how long a tool may take that names no time of its own.
const DefaultTimeout = 300 * time.Second

// Scenario is a script.
type Scenario struct {
	// Name by which agents refer to it.
	Name string `json:"name"`
	// Description says what it is for.
	Description string `json:"description,omitempty"`
	// Tools that the steps may call.
	Tools []Tool `json:"tools,omitempty"`
	// Steps in their order. After the last one the message is completed and the session idle.
	Steps []Step `json:"steps"`
}

// Tool is an external tool of the agent.
type Tool struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	// TimeoutSeconds after which the call fails. Default: 300.
	TimeoutSeconds int `json:"timeout_seconds,omitempty"`
	// InputSchema describes the arguments. Default: anything.
	InputSchema json.RawMessage `json:"input_schema,omitempty"`
	// OutputSchema that a result must fit, unless it is an error. Default: anything.
	OutputSchema json.RawMessage `json:"output_schema,omitempty"`

	output *jsonschema.Schema
}

// Step is one thing that the agent does; exactly one field is set.
type Step struct {
	// CallTool calls a tool and waits for the result.
	CallTool *Call `json:"call_tool,omitempty"`
	// Reply says something. {message} stands for the user's text, {result} for the last tool's result as JSON.
	Reply *string `json:"reply,omitempty"`
	// Wait lets time pass on the platform's clock, as "90s".
	Wait string `json:"wait,omitempty"`
	// Complete ends the session well.
	Complete bool `json:"complete,omitempty"`
	// Fail ends the session badly, for this reason.
	Fail string `json:"fail,omitempty"`
}

// Call is a tool call.
type Call struct {
	Name string `json:"name"`
	// Arguments of the call. {message} in a string stands for the user's text.
	Arguments json.RawMessage `json:"arguments,omitempty"`
	// OnError is what follows a tool that fails or takes too long: "fail" ends the session, "continue" goes on with
	// the next step. Default: fail.
	OnError string `json:"on_error,omitempty"`
}

// The values of Call.OnError.
const (
	OnErrorFail     = "fail"
	OnErrorContinue = "continue"
)

// Timeout returns how long the tool may take.
func (t Tool) Timeout() time.Duration {
	if t.TimeoutSeconds == 0 {
		return DefaultTimeout
	}
	return time.Duration(t.TimeoutSeconds) * time.Second
}

// CheckResult returns what is wrong with a result by the tool's output schema.
func (t Tool) CheckResult(result json.RawMessage) error {
	if t.output == nil {
		return nil
	}
	var value any
	if err := json.Unmarshal(result, &value); err != nil {
		return fmt.Errorf("reading the result: %w", err)
	}
	return t.output.Validate(value)
}

// Tool returns the tool of a name and reports whether there is one.
func (s *Scenario) Tool(name string) (Tool, bool) {
	for _, t := range s.Tools {
		if t.Name == name {
			return t, true
		}
	}
	return Tool{}, false
}

// Parse reads a script from YAML or JSON. The error is a list of [httpjson.Problems] with the places that are wrong.
func Parse(text []byte) (*Scenario, error) {
	if len(text) > MaxSize {
		return nil, httpjson.Invalid(fmt.Sprintf("longer than %d bytes", MaxSize), "body")
	}
	raw, err := toJSON(text)
	if err != nil {
		return nil, err
	}
	s := new(Scenario)
	if err := httpjson.Unmarshal(raw, s); err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	return s, nil
}

// toJSON turns YAML into JSON. Aliases are refused, since a short text can stand for an endless one by them.
func toJSON(text []byte) ([]byte, error) {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, httpjson.Invalid("not YAML: "+firstLine(err), "body")
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return nil, httpjson.Invalid("not exactly one document", "body")
	}
	aliases := aliasFinder{}
	ast.Walk(&aliases, file.Docs[0].Body)
	if aliases.found {
		return nil, httpjson.Invalid("aliases are not supported", "body")
	}
	raw, err := yaml.YAMLToJSON(text)
	if err != nil {
		return nil, httpjson.Invalid("not YAML: "+firstLine(err), "body")
	}
	return raw, nil
}

// aliasFinder looks for aliases in a syntax tree.
type aliasFinder struct{ found bool }

// Visit implements [ast.Visitor].
func (a *aliasFinder) Visit(n ast.Node) ast.Visitor {
	if n.Type() == ast.AliasType || n.Type() == ast.MergeKeyType {
		a.found = true
	}
	return a
}

// firstLine keeps the gist of an error that quotes the source.
func firstLine(err error) string {
	text := err.Error()
	for i := range text {
		if text[i] == '\n' {
			return text[:i]
		}
	}
	return text
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)
