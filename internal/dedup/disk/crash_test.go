package disk_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/darihook/darihook/internal/dedup"
	"github.com/darihook/darihook/internal/dedup/disk"
)

const crashRounds = 8

// ledger is what the killed processes reported, by id.
type ledger struct {
	tried        map[string]int
	acknowledged map[string]int
	held         map[string]bool
}

// TestKilledProcess kills a process that commits, again and again on the same store, and holds what the store shows
// afterwards against what the process had reported: every acknowledged commit is there, every record was tried, and no
// key is blocked.
func TestKilledProcess(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	path := filepath.Join(t.TempDir(), "store")
	l := ledger{map[string]int{}, map[string]int{}, map[string]bool{}}
	for round := range crashRounds {
		l.killOne(t, path, round, 1+rng.IntN(1000))
		l.check(t, path)
	}
	if len(l.acknowledged) < crashRounds || len(l.held) == 0 {
		t.Fatalf("%d commits acknowledged, %d keys held: too few to tell anything", len(l.acknowledged), len(l.held))
	}
	t.Logf("%d tried, %d acknowledged, %d held", len(l.tried), len(l.acknowledged), len(l.held))
}

// killOne lets a process report so many lines before it dies; what it had under way then is anybody's guess.
func (l ledger) killOne(t *testing.T, path string, round, lines int) {
	t.Helper()
	cmd := child(t, roleCommitter, path, fmt.Sprint(round))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	reports := bufio.NewReader(out)
	for range lines {
		if err := l.read(reports); err != nil {
			t.Fatalf("process ended by itself: %v", err)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for err = nil; err == nil; {
		err = l.read(reports)
	}
	if !errors.Is(err, io.EOF) {
		t.Fatalf("reading reports: %v", err)
	}
	cmd.Wait() // killed, as wanted
}

func (l ledger) read(reports *bufio.Reader) error {
	line, err := reports.ReadString('\n')
	if err != nil {
		return err
	}
	var what, id string
	var status int
	if n, err := fmt.Sscan(line, &what, &id, &status); err != nil {
		// Its error is not wrapped: for a short line it is io.EOF, as at the end of the reports.
		return fmt.Errorf("line %q: %d fields could be read", line, n)
	}
	switch what {
	case "tried":
		l.tried[id] = status
	case "acknowledged":
		l.acknowledged[id] = status
	default:
		l.held[id] = true
	}
	return nil
}

func (l ledger) check(t *testing.T, path string) {
	t.Helper()
	s, err := disk.Open(path, disk.Options{})
	if err != nil {
		t.Fatalf("reopening: %v", err)
	}
	defer s.Close()
	records, err := s.Recent(t.Context(), "crash", len(l.tried)+1)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Stats().Done; got != int64(len(records)) {
		t.Errorf("store counts %d records, shows %d", got, len(records))
	}
	shown := map[string]int{}
	for _, record := range records {
		shown[record.Key.ID] = record.Outcome.Status
		if tried, ok := l.tried[record.Key.ID]; !ok || tried != record.Outcome.Status {
			t.Errorf("store shows %s with %d, tried was %d", record.Key.ID, record.Outcome.Status, tried)
		}
	}
	for id, status := range l.acknowledged {
		if shown[id] != status {
			t.Errorf("store shows %s with %d, acknowledged was %d", id, shown[id], status)
		}
	}
	l.checkFree(t, s, shown)
}

// checkFree wants every key that is not done to be claimed at once.
func (l ledger) checkFree(t *testing.T, s *disk.Store, shown map[string]int) {
	t.Helper()
	free := func(id string) {
		claim, err := s.Claim(t.Context(), dedup.Key{Scope: "crash", ID: id}, dedup.NewOwner(), time.Hour)
		if err != nil || !claim.Acquired {
			t.Errorf("claim of %s after reopening = %+v, %v, want it acquired", id, claim, err)
		}
	}
	for id := range l.held {
		free(id)
	}
	for id := range l.tried {
		if _, done := shown[id]; !done {
			free(id)
		}
	}
}

func TestSecondProcess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store")
	open(t, path, disk.Options{})
	if err := child(t, roleIntruder, path, "").Run(); err != nil {
		t.Error(err)
	}
	if err := intrude(path); err != nil {
		t.Errorf("in the same process: %v", err)
	}
}
