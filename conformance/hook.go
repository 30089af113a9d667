package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
)

// A Hook is a URL or a command by which the owner of a target lets the suite do what the contract has no call for:
// emit an event, move a clock, take a store away. It gets one JSON object:
//
//	trigger      {"agent_id","type","data","count"}    emits events; data and count may be absent, as may be the agent
//	                                                   and the type where the platform has none
//	advance      {"duration"}                          moves the retry clock on, by a duration such as "5m0s"
//	store-fault  {"available"}                         takes the store away, or brings it back
//
// A URL (http:// or https://) gets it as the body of a POST and answers 2xx. A command is run by sh -c; it finds the object
// on its standard input, and each of its fields in the environment as well: DARI_AGENT_ID, DARI_EVENT_TYPE, DARI_DATA,
// DARI_COUNT, DARI_DURATION, DARI_AVAILABLE. It ends with status 0.
type Hook = string

// hook calls a hook. A hook that fails makes the spec undetermined.
func (p *probe) hook(ctx context.Context, h Hook, fields map[string]any) {
	if err := callHook(ctx, p.session, h, fields, p.keep); err != nil {
		p.cannotTell("%v", err)
	}
}

func callHook(ctx context.Context, s *session, h Hook, fields map[string]any, keep func(message, answer)) error {
	body, err := json.Marshal(fields)
	if err != nil {
		return fmt.Errorf("encoding what the hook gets: %w", err)
	}
	if strings.HasPrefix(h, "http://") || strings.HasPrefix(h, "https://") {
		return postHook(ctx, s, h, body, keep)
	}
	return runHook(ctx, h, body, fields)
}

// postHook sends the object to a URL. The key of the API goes along where the hook is part of the same server.
func postHook(ctx context.Context, s *session, target string, body []byte, keep func(message, answer)) error {
	h := http.Header{"Content-Type": {"application/json"}}
	if s.cfg.APIKey != "" && sameHost(target, s.cfg.API) {
		h.Set("Authorization", "Bearer "+s.cfg.APIKey)
	}
	m := message{method: http.MethodPost, url: target, header: h, body: body}
	a := exchange(ctx, s.client, m)
	keep(m, a)
	if !a.success() {
		return fmt.Errorf("the hook %s answered %s", withoutUser(target), a)
	}
	return nil
}

// sameHost reports whether two URLs lead to the same host and port.
func sameHost(a, b string) bool {
	x, errX := url.Parse(a)
	y, errY := url.Parse(b)
	return errX == nil && errY == nil && x.Host == y.Host
}

// runHook runs a command with the object on its standard input and in its environment.
func runHook(ctx context.Context, command string, body []byte, fields map[string]any) error {
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.Stdin = bytes.NewReader(body)
	cmd.Env = os.Environ()
	for field, name := range map[string]string{
		"agent_id": "DARI_AGENT_ID", "type": "DARI_EVENT_TYPE", "data": "DARI_DATA", "count": "DARI_COUNT",
		"duration": "DARI_DURATION", "available": "DARI_AVAILABLE",
	} {
		if v, ok := fields[field]; ok {
			cmd.Env = append(cmd.Env, name+"="+environment(v))
		}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("the hook's command: %w: %s", err, oneLine(shorten(string(out), len(out))))
	}
	return nil
}

// environment writes a field as the value of a variable: a string as it is, anything else as JSON.
func environment(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	text, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(text)
}
