package disk

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/darihook/darihook/internal/dedup"
)

// TestMissingRecords takes away what cleaners and the exceptions of backups take. The store opens with what is left, and says
// once how much is missing.
func TestMissingRecords(t *testing.T) {
	t.Parallel()
	const commits = 20
	path := t.TempDir()
	s := openAt(t, path, Options{})
	for i := range commits {
		if err := commitOne(t, s, key(fmt.Sprint(i)), time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	whole := copyOf(t, path)
	for name, row := range map[string]struct {
		damage func(*testing.T, string)
		want   string // in the log; empty: no line
	}{
		"ok/nothing is taken":       {func(*testing.T, string) {}, ""},
		"ok/no progress":            {removeFiles(marksName), ""},
		"ok/unreadable progress":    {writeFile(marksName, "progress"), ""},
		"fail/no log":               {removeFiles("records/*.log"), "writes_missing=20 records_expected=20 records_found=0"},
		"fail/an empty log":         {eachFile("records/*.log", func([]byte) []byte { return nil }), "writes_missing=20"},
		"fail/a log that was cut":   {eachFile("records/*.log", half), "records_expected=20"},
		"fail/a log without an end": {eachFile("records/*.log", func(b []byte) []byte { return b[:len(b)-1] }), "writes_missing=1 "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := copyOf(t, whole)
			row.damage(t, path)
			for round, want := range []string{row.want, ""} {
				var logged lockedBuffer
				s := openAt(t, path, Options{Logger: slog.New(slog.NewTextHandler(&logged, nil))})
				if said := strings.Contains(logged.String(), "missing"); said != (want != "") || !strings.Contains(logged.String(), want) {
					t.Errorf("opening %d: log = %q, want %q in it", round, logged.String(), want)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestLogIsRemovedInUse removes the log, or empties it, while the store is in use: what it held is written anew, and is there
// after a kill.
func TestLogIsRemovedInUse(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(*testing.T, string){
		"removed": removeFiles("records/*.log"),
		"emptied": eachFile("records/*.log", func([]byte) []byte { return nil }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var logged lockedBuffer
			path := t.TempDir()
			s := openAt(t, path, Options{Logger: slog.New(slog.NewTextHandler(&logged, nil))})
			if err := commitOne(t, s, key("before"), time.Hour); err != nil {
				t.Fatal(err)
			}
			damage(t, path)
			// A table counts once the manifest names it; until then a kill finds the damaged log.
			await(t, "a table with the record", func() bool {
				killed, err := Open(copyOf(t, path), Options{})
				if err != nil {
					return false
				}
				record, err := killed.Lookup(t.Context(), key("before"))
				return errors.Join(err, killed.Close()) == nil && record.State == dedup.Done
			})
			if !strings.Contains(logged.String(), ".log") {
				t.Errorf("log = %q, want the file named", logged.String())
			}
			if err := commitOne(t, s, key("after"), time.Hour); err != nil {
				t.Error(err)
			}
			killed := openAt(t, copyOf(t, path), Options{})
			for _, id := range []string{"before", "after"} {
				if record, err := killed.Lookup(t.Context(), key(id)); err != nil || record.State != dedup.Done {
					t.Errorf("%s = %+v, %v, want it done", id, record, err)
				}
			}
		})
	}
}

// TestDirectoryIsMovedInUse takes the directory away and puts it back: the store refuses meanwhile, and has lost nothing.
func TestDirectoryIsMovedInUse(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	s := openAt(t, path, Options{})
	if err := commitOne(t, s, key("before"), time.Hour); err != nil {
		t.Fatal(err)
	}
	records, away := filepath.Join(path, recordsName), filepath.Join(t.TempDir(), "away")
	move := func(from, to string) {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	move(records, away)
	awaitClaim(t, s, ErrUnavailable, "removed")
	if err := os.Mkdir(records, dirMode); err != nil {
		t.Fatal(err)
	}
	awaitClaim(t, s, ErrUnavailable, "replaced")
	if err := os.Remove(records); err != nil {
		t.Fatal(err)
	}
	move(away, records)
	awaitClaim(t, s, nil, "")
	if record, err := s.Lookup(t.Context(), key("before")); err != nil || record.State != dedup.Done {
		t.Errorf("record = %+v, %v, want it done", record, err)
	}
	if err := commitOne(t, s, key("after"), time.Hour); err != nil {
		t.Error(err)
	}
}

// awaitClaim waits until new claims are answered with an error, or are taken again.
func awaitClaim(t *testing.T, s *Store, want error, text string) {
	t.Helper()
	await(t, fmt.Sprintf("claims answered with %v: %s", want, text), func() bool {
		owner := dedup.NewOwner()
		_, err := s.Claim(t.Context(), key("probe"), owner, time.Minute)
		if err == nil {
			if err := s.Release(t.Context(), key("probe"), owner); err != nil {
				t.Fatal(err)
			}
			return want == nil
		}
		return errors.Is(err, want) && strings.Contains(err.Error(), text)
	})
}

func await(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for last := time.Now().Add(time.Minute); !happened(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(last) {
			t.Fatalf("no %s within a minute", what)
		}
	}
}
