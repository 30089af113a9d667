package storage_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/darihook/darihook/mockserver/internal/storage"
)

type thing struct {
	N    int    `json:"n"`
	Text string `json:"text"`
}

func open(t testing.TB, path string) *storage.File {
	t.Helper()
	f, err := storage.Open(path)
	if err != nil {
		t.Fatalf("opening: %v", err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func load(t testing.TB, f *storage.File, table string) map[string]thing {
	t.Helper()
	got := map[string]thing{}
	if err := storage.Load(f, table, func(key string, v thing) { got[key] = v }); err != nil {
		t.Fatalf("loading: %v", err)
	}
	return got
}

// filled makes a state file with a few records and returns its path.
func filled(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "state")
	f := open(t, path)
	for i := range 200 {
		f.Put("things", fmt.Sprint("k", i), thing{i, strings.Repeat("x", i)})
	}
	f.Put("others", "a", thing{1, "a"})
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRecordsSurvive(t *testing.T) {
	t.Parallel()
	path := filled(t)
	f := open(t, path)
	if got := load(t, f, "things"); len(got) != 200 || got["k7"] != (thing{7, "xxxxxxx"}) {
		t.Fatalf("%d things, of which k7 is %v", len(got), got["k7"])
	}
	f.Delete("things", "k7")
	f.Put("things", "k8", thing{88, "changed"})
	f.Clear("others")
	if err := f.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f = open(t, path)
	got := load(t, f, "things")
	if _, still := got["k7"]; still || got["k8"].N != 88 || len(got) != 199 || len(load(t, f, "others")) != 0 {
		t.Errorf("after the changes there are %d things, k8 is %v", len(got), got["k8"])
	}
}

// A nil file keeps nothing and refuses nothing.
func TestMemoryAlone(t *testing.T) {
	t.Parallel()
	var f *storage.File
	f.Put("things", "a", thing{})
	f.Delete("things", "a")
	f.Clear("things")
	if err := errors.Join(f.Sync(t.Context()), f.Close()); err != nil || len(load(t, f, "things")) != 0 {
		t.Errorf("a nil file answers %v", err)
	}
}

// Every refusal leaves the file as it was.
func TestRefusals(t *testing.T) {
	t.Parallel()
	whole, err := os.ReadFile(filled(t))
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(whole)
	at := bytes.Index(flipped, []byte(`"text":"xxxx`))
	flipped[at+9]++
	rows := map[string]struct {
		content []byte
		says    string
	}{
		"empty":           {nil, "cut short"},
		"text":            {[]byte(strings.Repeat("not a database\n", 1000)), "not a state file"},
		"head alone":      {whole[:16], "cut short"},
		"marks alone":     {whole[:48], "cut short"},
		"half":            {whole[:len(whole)/2], "cut short"},
		"one byte less":   {whole[:len(whole)-1], "cut short"},
		"flipped bit":     {flipped, "damaged"},
		"another version": {bytes.Replace(whole, []byte("mock-1"), []byte("mock-0"), 1), "version"},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "state")
			if err := os.WriteFile(path, row.content, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := storage.Open(path)
			if !errors.Is(err, storage.ErrRefused) || !strings.Contains(err.Error(), row.says) {
				t.Errorf("answered %v, want a refusal that says %q", err, row.says)
			}
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, row.content) {
				t.Error("the file was changed")
			}
		})
	}
}

// What was being written when the process ended does not count, and keeps nothing else from counting.
func TestTornTail(t *testing.T) {
	t.Parallel()
	whole, err := os.ReadFile(filled(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, tail := range []string{"\x00", "\x00\x00\x01\x00", "\x00\x00\x00\x04\x01\x02\x03\x04half", strings.Repeat("\x00", 100)} {
		path := filepath.Join(t.TempDir(), "state")
		if err := os.WriteFile(path, append(bytes.Clone(whole), tail...), 0o600); err != nil {
			t.Fatal(err)
		}
		f := open(t, path)
		if got := load(t, f, "things"); len(got) != 200 {
			t.Errorf("behind a tail of %q there are %d things", tail, len(got))
		}
		f.Put("things", "new", thing{N: 1})
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if got := load(t, open(t, path), "things"); len(got) != 201 {
			t.Errorf("after writing over a tail of %q there are %d things", tail, len(got))
		}
	}
}

// A file does not grow without bound when the same records change again and again.
func TestCompaction(t *testing.T) {
	t.Parallel()
	path := filled(t)
	f := open(t, path)
	big := thing{Text: strings.Repeat("y", 1<<20)}
	for i := range 45 {
		big.N = i
		f.Put("big", "one", big)
		if err := f.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() > 40<<20 {
		t.Errorf("the file has %d bytes, %v", info.Size(), err)
	}
	f = open(t, path)
	if got := load(t, f, "big"); got["one"] != big || len(load(t, f, "things")) != 200 {
		t.Errorf("after compaction the record is number %d", got["one"].N)
	}
}

func TestOneProcessAtATime(t *testing.T) {
	t.Parallel()
	path := filled(t)
	open(t, path)
	if _, err := storage.Open(path); !errors.Is(err, storage.ErrRefused) || !strings.Contains(err.Error(), "another process") {
		t.Errorf("a file in use answered %v", err)
	}
}

// FuzzOpen opens state files with a few changed bytes: they are read whole or refused, never half.
func FuzzOpen(f *testing.F) {
	whole, err := os.ReadFile(filled(f))
	if err != nil {
		f.Fatal(err)
	}
	reference := open(f, filled(f))
	want := load(f, reference, "things")
	for _, at := range []uint32{0, 14, 16, 24, 32, 40, 48, 52, 56, 57, 60, 4096, 20000} {
		f.Add(at, byte(0xff), uint32(len(whole)))
		f.Add(at, byte(1), uint32(len(whole)))
		f.Add(uint32(0), byte(0), at)
	}
	f.Fuzz(func(t *testing.T, at uint32, mask byte, length uint32) {
		content := bytes.Clone(whole[:min(int(length), len(whole))])
		if int(at) < len(content) {
			content[at] ^= mask
		}
		path := filepath.Join(t.TempDir(), "state")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := storage.Open(path)
		if errors.Is(err, storage.ErrRefused) {
			after, err := os.ReadFile(path)
			if err != nil || !bytes.Equal(after, content) {
				t.Fatal("a refused file was changed")
			}
			return
		}
		if err != nil {
			t.Fatalf("neither opened nor refused: %v", err)
		}
		defer file.Close()
		// Where both marks are lost or earlier, later frames may go unnoticed: a part of the records, and never others.
		for key, got := range load(t, file, "things") {
			if got != want[key] {
				t.Fatalf("record %s was read as %v", key, got)
			}
		}
	})
}
