package scenario

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/darihook/darihook/mockserver/internal/httpjson"
)

// check finds what the types alone do not refuse, and compiles the schemas.
func (s *Scenario) check() error {
	var p httpjson.Problems
	if !nameForm.MatchString(s.Name) {
		p.Invalid("must be 1 to 64 letters, digits, dots, hyphens or underscores", "body", "name")
	}
	if len(s.Tools) > maxTools {
		p.Invalid(fmt.Sprintf("must be at most %d", maxTools), "body", "tools")
	}
	if len(s.Steps) > maxSteps {
		p.Invalid(fmt.Sprintf("must be at most %d", maxSteps), "body", "steps")
	}
	if p != nil {
		return p
	}
	seen := map[string]bool{}
	for i := range s.Tools {
		s.Tools[i].check(&p, seen, i)
	}
	for i, step := range s.Steps {
		s.checkStep(&p, step, i)
	}
	return p.Err()
}

func (t *Tool) check(p *httpjson.Problems, seen map[string]bool, i int) {
	if !nameForm.MatchString(t.Name) || seen[t.Name] {
		p.Invalid("must be a name that no other tool has", "body", "tools", i, "name")
	}
	seen[t.Name] = true
	if t.TimeoutSeconds < 0 || time.Duration(t.TimeoutSeconds) > maxWait/time.Second {
		p.Invalid("must be a number of seconds within a year", "body", "tools", i, "timeout_seconds")
	}
	if _, err := compile(t.InputSchema); err != nil {
		p.Invalid(err.Error(), "body", "tools", i, "input_schema")
	}
	schema, err := compile(t.OutputSchema)
	if err != nil {
		p.Invalid(err.Error(), "body", "tools", i, "output_schema")
	}
	t.output = schema
}

// compile reads a JSON Schema. It may not refer to anything outside of itself.
func compile(raw json.RawMessage) (*jsonschema.Schema, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("reading the schema: %w", err)
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	if err := c.AddResource("schema.json", document); err != nil {
		return nil, fmt.Errorf("reading the schema: %w", err)
	}
	schema, err := c.Compile("schema.json")
	if err != nil {
		return nil, fmt.Errorf("compiling the schema: %w", err)
	}
	return schema, nil
}

// noLoader loads nothing.
type noLoader struct{}

// Load implements [jsonschema.URLLoader].
func (noLoader) Load(string) (any, error) {
	return nil, errors.New("a schema cannot refer to another document")
}

// checkStep refuses a step that does not do exactly one thing.
func (s *Scenario) checkStep(p *httpjson.Problems, step Step, i int) {
	things := 0
	for _, set := range []bool{step.CallTool != nil, step.Reply != nil, step.Wait != "", step.Complete, step.Fail != ""} {
		if set {
			things++
		}
	}
	if things != 1 {
		p.Invalid("must be one of call_tool, reply, wait, complete, fail", "body", "steps", i)
		return
	}
	if d, err := time.ParseDuration(step.Wait); step.Wait != "" && (err != nil || d <= 0 || d > maxWait) {
		p.Invalid("must be a duration such as \"90s\"", "body", "steps", i, "wait")
	}
	if step.CallTool != nil {
		s.checkCall(p, *step.CallTool, i)
	}
	if last := i == len(s.Steps)-1; !last && (step.Complete || step.Fail != "") {
		p.Invalid("no step can follow the end of the session", "body", "steps", i+1)
	}
}

func (s *Scenario) checkCall(p *httpjson.Problems, call Call, i int) {
	if _, ok := s.Tool(call.Name); !ok {
		p.Invalid("must be one of the tools", "body", "steps", i, "call_tool", "name")
	}
	switch call.OnError {
	case "", OnErrorFail, OnErrorContinue:
	default:
		p.Invalid("must be fail or continue", "body", "steps", i, "call_tool", "on_error")
	}
}
