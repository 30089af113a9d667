package disk_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/darihook/darihook/internal/dedup"
	"github.com/darihook/darihook/internal/dedup/disk"
)

// link makes a symbolic link, or skips the test where the user may make none.
func link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
}

func find(t *testing.T, path string) disk.Place {
	t.Helper()
	p, err := disk.Find(path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestPlaces holds the names of a directory against each other, before it is made and afterwards.
func TestPlaces(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	link(t, "data", filepath.Join(root, "link"))
	plain, linked, other := filepath.Join(root, "data", "store"), filepath.Join(root, "link", "x", "..", "store"), filepath.Join(root, "data", "other")
	same := func(when string) {
		t.Helper()
		if !find(t, plain).Same(find(t, linked)) || find(t, plain).Path() != find(t, linked).Path() {
			t.Errorf("%s: %s and %s are two places", when, plain, linked)
		}
		if find(t, plain).Same(find(t, other)) {
			t.Errorf("%s: %s and %s are one place", when, plain, other)
		}
	}
	same("before it is made")
	if entries, err := os.ReadDir(filepath.Join(root, "data")); err != nil || len(entries) != 0 {
		t.Errorf("looking it up has made %v, %v", entries, err)
	}
	for _, path := range []string{plain, other} {
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	same("once it is made")
	before, moved := find(t, plain), filepath.Join(root, "moved")
	if err := os.Rename(plain, moved); err != nil {
		t.Fatal(err)
	}
	if !before.Same(find(t, moved)) {
		t.Error("a directory that was moved is another place")
	}
	if err := os.Mkdir(plain, 0o700); err != nil {
		t.Fatal(err)
	}
	if !before.Same(find(t, plain)) {
		t.Error("a path at which a store may be open is another place, since its directory was replaced")
	}
	if (disk.Place{}).Same(disk.Place{}) {
		t.Error("no place is the same as no place")
	}
}

// TestSecondName opens a store by another name of its directory, which fails and must not give the lock away.
func TestSecondName(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	path, second := filepath.Join(root, "store"), filepath.Join(root, "link")
	open(t, path, disk.Options{})
	link(t, "store", second)
	if err := intrude(second); err != nil {
		t.Errorf("in the same process, by the link: %v", err)
	}
	for _, name := range []string{path, second} {
		if err := child(t, roleIntruder, name, "").Run(); err != nil {
			t.Errorf("in another process, by %s: %v", filepath.Base(name), err)
		}
	}
}

// TestLinkIsChanged leads a link elsewhere while a store that was opened by it is in use.
func TestLinkIsChanged(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	first, second, name := filepath.Join(root, "first"), filepath.Join(root, "second"), filepath.Join(root, "link")
	for _, path := range []string{first, second} {
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	link(t, first, name)
	s, err := disk.Open(name, disk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	link(t, second, name)
	key, owner := dedup.Key{Scope: "link", ID: "evt_1"}, dedup.NewOwner()
	if claim, err := s.Claim(t.Context(), key, owner, time.Minute); err != nil || !claim.Acquired {
		t.Fatalf("%+v, %v", claim, err)
	}
	if err := s.Commit(t.Context(), key, owner, dedup.Outcome{Status: 200, At: time.Now()}, time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(second); err != nil || len(entries) != 0 {
		t.Errorf("files where the link leads now: %v, %v", entries, err)
	}
	if record, err := open(t, first, disk.Options{}).Lookup(t.Context(), key); err != nil || record.State != dedup.Done {
		t.Errorf("after reopening: %+v, %v", record, err)
	}
}
