package disk

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/darihook/darihook/internal/dedup"
)

const damageRecords = 200

// filled returns a store's directory that holds records both in tables and in the log.
func filled(t *testing.T) string {
	t.Helper()
	path := t.TempDir()
	s := openAt(t, path, Options{})
	c := commitMany(t, s, 4)
	c.await(damageRecords)
	c.end()
	if err := sessionOf(t, s).engine.db.Flush(); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"a", "b", "c"} {
		if err := commitOne(t, s, key(id), time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	return copyOf(t, path)
}

// TestDamage damages a store: it must be refused by name, or answer truly, and a refused store is left as it was.
func TestDamage(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name   string
		damage func(t *testing.T, path string)
		want   error
	}{
		{"fail/another version", writeFile(versionName, versionPrefix+"2\n"), ErrVersion},
		{"fail/unreadable version", writeFile(versionName, "\x00\x01"), ErrCorrupt},
		{"fail/empty version", writeFile(versionName, ""), ErrCorrupt},
		{"fail/no version", removeFiles(versionName), ErrCorrupt},
		{"fail/no manifest", removeFiles("records/MANIFEST-*"), ErrCorrupt},
		{"fail/no marker of the manifest", removeFiles("records/marker.manifest.*"), ErrCorrupt},
		{"fail/empty manifest", eachFile("records/MANIFEST-*", func([]byte) []byte { return nil }), ErrCorrupt},
		{"fail/damaged manifest", eachFile("records/MANIFEST-*", flip), ErrCorrupt},
		{"fail/no tables", removeFiles("records/*.sst"), ErrCorrupt},
		{"fail/truncated tables", eachFile("records/*.sst", half), ErrCorrupt},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			path := filled(t)
			row.damage(t, path)
			before := contents(t, path)
			s, err := Open(path, Options{})
			if !errors.Is(err, row.want) {
				t.Errorf("opening: %v, want %v", err, row.want)
			}
			if err == nil {
				s.Close()
			}
			after := contents(t, path)
			for _, name := range slices.Sorted(maps.Keys(before)) {
				if after[name] != before[name] {
					t.Errorf("%s was changed", name)
				}
			}
		})
	}
}

// TestDamagedTable flips bits within the records: they must not be taken for absent.
func TestDamagedTable(t *testing.T) {
	t.Parallel()
	path := filled(t)
	eachFile("records/*.sst", func(content []byte) []byte {
		for i := range len(content) / 2 {
			content[i] ^= 0x5a
		}
		return content
	})(t, path)
	s, err := Open(path, Options{})
	if err != nil {
		return // refused is as good
	}
	defer s.Close()
	if claim, err := s.Claim(t.Context(), dedup.Key{Scope: "many", ID: "0-0"}, dedup.NewOwner(), time.Hour); err == nil {
		t.Errorf("claim of a key in a damaged table = %+v, want an error", claim)
	}
}

// TestTornLog cuts the log short, as a kill in the middle of a write may: what is left is a beginning of what was
// written, and the store opens.
func TestTornLog(t *testing.T) {
	t.Parallel()
	whole := filled(t)
	for cut := range 12 {
		path := copyOf(t, whole)
		eachFile("records/*.log", func(content []byte) []byte {
			return content[:max(0, len(content)-cut*cut*5)]
		})(t, path)
		s := openAt(t, path, Options{})
		var states []dedup.State
		for _, id := range []string{"a", "b", "c"} {
			record, err := s.Lookup(t.Context(), key(id))
			if err != nil {
				t.Errorf("cut %d: %v", cut, err)
			}
			states = append(states, record.State)
		}
		if !slices.IsSortedFunc(states, func(a, b dedup.State) int { return int(b) - int(a) }) {
			t.Errorf("cut %d: states of a, b, c = %v, want what was written last to be lost first", cut, states)
		}
		if err := commitOne(t, s, key("next"), time.Hour); err != nil {
			t.Errorf("cut %d: committing afterwards: %v", cut, err)
		}
	}
}

func TestNotAStore(t *testing.T) {
	t.Parallel()
	t.Run("fail/somebody's directory", func(t *testing.T) {
		t.Parallel()
		path := t.TempDir()
		writeFile("letter.txt", "dear")(t, path)
		if _, err := Open(path, Options{}); !errors.Is(err, ErrCorrupt) {
			t.Errorf("opening: %v, want ErrCorrupt", err)
		}
	})
	t.Run("fail/a file", func(t *testing.T) {
		t.Parallel()
		path := t.TempDir()
		writeFile("file", "dear")(t, path)
		if _, err := Open(filepath.Join(path, "file"), Options{}); err == nil || errors.Is(err, ErrLocked) {
			t.Errorf("opening: %v, want the file system's error", err)
		}
	})
	t.Run("ok/an attempt that was interrupted", func(t *testing.T) {
		t.Parallel()
		path := t.TempDir()
		if err := os.Mkdir(filepath.Join(path, unfinished), dirMode); err != nil {
			t.Fatal(err)
		}
		writeFile(filepath.Join(unfinished, "MANIFEST-000001"), "half")(t, path)
		openAt(t, path, Options{})
	})
}

func TestModes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "made", "store")
	s := openAt(t, path, Options{})
	if err := commitOne(t, s, key("a"), time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := sessionOf(t, s).engine.db.Flush(); err != nil {
		t.Fatal(err)
	}
	files := 0
	err := filepath.WalkDir(path, func(name string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		want := os.FileMode(fileMode)
		if d.IsDir() {
			want = dirMode
		} else {
			files++
		}
		if err == nil && info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", name, info.Mode().Perm(), want)
		}
		return err
	})
	if err != nil || files < 5 {
		t.Errorf("walking over %d files: %v", files, err)
	}
}

func writeFile(name, content string) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(path, name), []byte(content), fileMode); err != nil {
			t.Fatal(err)
		}
	}
}

func removeFiles(pattern string) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		t.Helper()
		for _, name := range matches(t, path, pattern) {
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func eachFile(pattern string, change func([]byte) []byte) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		t.Helper()
		for _, name := range matches(t, path, pattern) {
			content, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, change(content), fileMode); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func matches(t *testing.T, path, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(path, pattern))
	if err != nil || len(names) == 0 {
		t.Fatalf("no file like %s (%v)", pattern, err)
	}
	return names
}

func half(content []byte) []byte { return content[:len(content)/2] }

func flip(content []byte) []byte {
	for i := range content {
		content[i] ^= 0xff
	}
	return content
}
