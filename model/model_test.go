// Package model checks the protocol of internal/dedup as a whole, with the model checker Spin: every order in which
// two gates, a sender, a forger, a receiver and the faults between them can act.
package model

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// properties are the model's, and whether each needs fairness: a promise about what comes in the end holds only as long
// as everybody who can go on does.
var properties = []struct {
	name string
	fair bool
}{
	{"one_owner", false},
	{"done_is_true", false},
	{"ack_is_true", false},
	{"once", false},
	{"never_lost", true},
	{"every_ack", true},
	{"no_stuck_claim", true},
}

// fewestStates is far below what the search visits and far above what a model that got stuck would.
const fewestStates = 50_000

func TestProtocol(t *testing.T) {
	t.Parallel()
	checker := compile(t)
	for _, p := range properties {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			got := checker.search(t, p.name, p.fair)
			if got.errors != 0 || got.states < fewestStates {
				t.Errorf("%d errors in %d states, want 0 in at least %d\n%s", got.errors, got.states, fewestStates, got.output)
			}
		})
	}
}

// TestLimit shows the limit of every gate in front of a receiver: nothing keeps the receiver from running twice when a
// gate dies between its success and the commit.
func TestLimit(t *testing.T) {
	t.Parallel()
	if got := compile(t).search(t, "never_twice", false); got.errors == 0 {
		t.Errorf("never_twice holds\n%s", got.output)
	}
	if got := compile(t, "CRASHES=0", "CUTS=0").search(t, "never_twice", false); got.errors != 0 {
		t.Errorf("without crashes and cuts: %d errors\n%s", got.errors, got.output)
	}
}

// TestProtocolWithMoreFaults gives every fault a second chance, one at a time.
func TestProtocolWithMoreFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("takes longer")
	}
	t.Parallel()
	for _, more := range []string{"CRASHES=2", "CUTS=2", "FAILURES=2", "HANGUPS=2"} {
		t.Run(more, func(t *testing.T) {
			t.Parallel()
			if got := compile(t, more).search(t, "safe", false); got.errors != 0 || got.states < fewestStates {
				t.Errorf("%d errors in %d states, want 0 in at least %d\n%s", got.errors, got.states, fewestStates, got.output)
			}
		})
	}
}

// TestBugsOnRecordBreakIt shows that every property can fail, and that every mistake is noticed.
func TestBugsOnRecordBreakIt(t *testing.T) {
	t.Parallel()
	bugs := map[string][]string{
		"RELEASE_UNCHECKED":  {"one_owner"},
		"ORPHAN_RECLAIMED":   {"one_owner", "once"},
		"LEASE_TOO_SHORT":    {"one_owner", "once"},
		"ACK_BEFORE_OUTCOME": {"ack_is_true", "never_lost"},
		"BURNED_UNVERIFIED":  {"done_is_true", "ack_is_true", "never_lost"},
		"KEPT_AFTER_FAILURE": {"done_is_true", "ack_is_true", "never_lost"},
		"OUTCOME_DROPPED":    {"once"},
		"LEASE_ENDLESS":      {"no_stuck_claim", "every_ack", "never_lost"},
		"LATE_REFUSED":       {"once"},
		"ORPHAN_LEFT":        {"no_stuck_claim", "every_ack", "never_lost"},
	}
	broken := map[string]bool{}
	for bug, breaks := range bugs {
		t.Run(bug, func(t *testing.T) {
			t.Parallel()
			checker := compile(t, bug)
			for _, p := range breaks {
				if got := checker.search(t, p, fair(p)); got.errors == 0 {
					t.Errorf("%s holds\n%s", p, got.output)
				}
			}
		})
		for _, p := range breaks {
			broken[p] = true
		}
	}
	if len(broken) != len(properties) {
		t.Errorf("%d of %d properties are shown to break", len(broken), len(properties))
	}
}

func fair(property string) bool {
	for _, p := range properties {
		if p.name == property {
			return p.fair
		}
	}
	panic(property)
}

// checker is the program that Spin made of the model.
type checker struct{ dir, program string }

// compile makes the checker, with definitions such as "CRASHES=2" or the name of a bug.
func compile(t *testing.T, definitions ...string) checker {
	t.Helper()
	need(t, "spin", "cc")
	source, err := filepath.Abs("dedup.pml")
	if err != nil {
		t.Fatal(err)
	}
	c := checker{dir: t.TempDir()}
	c.program = filepath.Join(c.dir, "pan")
	args := []string{"-a"}
	for _, d := range definitions {
		args = append(args, "-D"+d)
	}
	if out := run(t, c.dir, "spin", append(args, source)...); strings.Contains(strings.ToLower(out), "error") {
		t.Fatalf("spin: %s", out)
	}
	run(t, c.dir, "cc", "-O2", "-w", "-DNFAIR=3", "-DMEMLIM=2048", "-o", c.program, "pan.c")
	return c
}

// result is what a search reports.
type result struct {
	errors, states int
	output         string
}

var (
	errorsPattern = regexp.MustCompile(`errors: (\d+)`)
	statesPattern = regexp.MustCompile(`(\d+) states, stored`)
)

// busy lets as many searches run at once as there are processors: each takes one, and some hundred megabytes.
var busy = make(chan struct{}, runtime.GOMAXPROCS(0))

// search looks through every state for a violation of the property. A search that found none and did not see them all
// ends the test.
func (c checker) search(t *testing.T, property string, fair bool) result {
	t.Helper()
	busy <- struct{}{}
	defer func() { <-busy }()
	args := []string{"-a", "-m1000000", "-N", property}
	if fair {
		args = append(args, "-f")
	}
	out := run(t, t.TempDir(), c.program, args...)
	found, err := numbers(out)
	if err != nil {
		t.Fatalf("%s: %v\n%s", property, err, out)
	}
	if found.errors == 0 && (strings.Contains(out, "not completed") || strings.Contains(out, "depth too small")) {
		t.Fatalf("%s: search cut short\n%s", property, out)
	}
	return found
}

func numbers(out string) (result, error) {
	e, s := errorsPattern.FindStringSubmatch(out), statesPattern.FindStringSubmatch(out)
	if e == nil || s == nil {
		return result{}, errors.New("no summary")
	}
	nErrors, errErrors := strconv.Atoi(e[1])
	nStates, errStates := strconv.Atoi(s[1])
	return result{nErrors, nStates, out}, errors.Join(errErrors, errStates)
}

func run(t *testing.T, dir, program string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", filepath.Base(program), err, out)
	}
	return string(out)
}

// need skips a test for want of a program, and fails it where everything must run.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			message := fmt.Sprintf("%s is not installed", program)
			if os.Getenv("CI") == "true" {
				t.Fatal(message)
			}
			t.Skip(message)
		}
	}
}
