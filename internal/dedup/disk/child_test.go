package disk_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/darihook/darihook/internal/dedup"
	"github.com/darihook/darihook/internal/dedup/disk"
)

// The test binary runs itself as another process: as a gate that is killed, or as a second one that wants the store.
const (
	childRole  = "DEDUP_DISK_TEST_ROLE"
	childPath  = "DEDUP_DISK_TEST_PATH"
	childRound = "DEDUP_DISK_TEST_ROUND"

	roleCommitter = "committer"
	roleIntruder  = "intruder"

	committers = 8
)

func TestMain(m *testing.M) {
	switch os.Getenv(childRole) {
	case roleCommitter:
		os.Exit(exitCode(commitForever(os.Getenv(childPath), os.Getenv(childRound))))
	case roleIntruder:
		os.Exit(exitCode(intrude(os.Getenv(childPath))))
	default:
		os.Exit(m.Run())
	}
}

func exitCode(err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func child(t *testing.T, role, path, round string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childRole+"="+role, childPath+"="+path, childRound+"="+round)
	cmd.Stderr = os.Stderr
	return cmd
}

// intrude wants to find the store locked.
func intrude(path string) error {
	s, err := disk.Open(path, disk.Options{})
	if errors.Is(err, disk.ErrLocked) {
		return nil
	}
	if err == nil {
		err = errors.Join(errors.New("it was opened"), s.Close())
	}
	return fmt.Errorf("opening a store in use: %w, want ErrLocked", err)
}

// commitForever claims and commits until it is killed. It reports each commit before it makes it, and again when it was
// acknowledged; every third claim it leaves in flight with a lease of an hour.
func commitForever(path, round string) error {
	s, err := disk.Open(path, disk.Options{})
	if err != nil {
		return err
	}
	failures := make(chan error, committers)
	var all sync.WaitGroup
	for n := range committers {
		all.Go(func() { failures <- commitLoop(s, fmt.Sprintf("%s-%d", round, n)) })
	}
	return <-failures
}

func commitLoop(s *disk.Store, name string) error {
	ctx := context.Background()
	for i := 0; ; i++ {
		id, status := fmt.Sprintf("%s-%d", name, i), 200+i%100
		key, owner := dedup.Key{Scope: "crash", ID: id}, dedup.NewOwner()
		claim, err := s.Claim(ctx, key, owner, time.Hour)
		if err != nil || !claim.Acquired {
			return fmt.Errorf("claiming %s: %+v, %w", id, claim, err)
		}
		if i%3 == 2 {
			report("held", id, 0)
			continue
		}
		report("tried", id, status)
		if err := s.Commit(ctx, key, owner, dedup.Outcome{Status: status, At: time.Now()}, time.Hour); err != nil {
			return fmt.Errorf("committing %s: %w", id, err)
		}
		report("acknowledged", id, status)
	}
}

// report writes a line with one call, which a pipe keeps whole.
func report(what, id string, status int) { fmt.Fprintf(os.Stdout, "%s %s %d\n", what, id, status) }
