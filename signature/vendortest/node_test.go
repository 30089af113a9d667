package vendortest

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// npmFolder holds the program that calls the libraries for npm, and their versions.
const npmFolder = "npm"

// call is one line to npm/vendors.mjs, where its fields are explained.
type call struct {
	Library   string              `json:"library"`
	Call      string              `json:"call"`
	Secret    string              `json:"secret"`
	ID        string              `json:"id,omitempty"`
	Timestamp int64               `json:"timestamp,omitempty"`
	Headers   map[string][]string `json:"headers,omitempty"`
	Body      []byte              `json:"body"`
}

// answer is what comes back.
type answer struct {
	Headers map[string]string `json:"headers"`
	Refused string            `json:"refused"`
}

// node is a running npm/vendors.mjs.
type node struct {
	mu    sync.Mutex // one call at a time
	calls *json.Encoder
	out   *json.Decoder
}

// theNode starts the program when the first test needs it. It ends when its input does, and that is when the tests end.
var theNode = sync.OnceValues(startNode)

// errMissing tells that what the libraries for npm need is not on this machine.
var errMissing = errors.New("not on this machine")

func startNode() (*node, error) {
	interpreter, err := exec.LookPath("node")
	if err != nil {
		return nil, fmt.Errorf("node: %w", errMissing)
	}
	// What npm writes at the end of an installation. To look at these files also tells go test what its result depends on.
	for _, file := range []string{"vendors.mjs", "package-lock.json", filepath.Join("node_modules", ".package-lock.json")} {
		if _, err := os.Stat(filepath.Join(npmFolder, file)); err != nil {
			return nil, fmt.Errorf("%w: %w (npm ci --prefix signature/vendortest/npm)", errMissing, err)
		}
	}
	cmd := exec.Command(interpreter, "vendors.mjs")
	cmd.Dir, cmd.Stderr = npmFolder, os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	n := &node{calls: json.NewEncoder(in), out: json.NewDecoder(out)}
	return n, cmd.Start()
}

// ask makes one call.
func (n *node) ask(c call) (answer, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var a answer
	if err := n.calls.Encode(c); err != nil {
		return a, err
	}
	return a, n.out.Decode(&a)
}

// running returns the program. Where it cannot run the test is skipped, or fails where nothing may be skipped.
func running(t testing.TB) *node {
	t.Helper()
	n, err := theNode()
	switch {
	case errors.Is(err, errMissing) && os.Getenv("CI") != "true":
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
	return n
}
