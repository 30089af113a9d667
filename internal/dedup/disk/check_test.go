package disk

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// volume is a file system of a size.
type volume struct {
	vfs.FS
	total, free uint64
}

// GetDiskUsage implements [vfs.FS]. It knows existing paths alone, as the system does.
func (v volume) GetDiskUsage(path string) (vfs.DiskUsage, error) {
	if _, err := os.Stat(path); err != nil {
		return vfs.DiskUsage{}, err
	}
	return vfs.DiskUsage{TotalBytes: v.total << 20, AvailBytes: v.free << 20}, nil
}

// TestCheck looks at directories before they are opened.
func TestCheck(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files       map[string]string // of the directory; nil: there is none
		total, free uint64            // MiB
		opts        Options
		want        error
	}{
		"ok/none":           {total: 1000, free: 500},
		"ok/empty":          {files: map[string]string{}, total: 1000, free: 500},
		"ok/a store":        {files: map[string]string{versionName: version, "lock": ""}, total: 1000, free: 500},
		"ok/unchecked":      {total: 1, free: 0, opts: Options{MinFree: -1}},
		"ok/many":           {total: 1000, free: 500, opts: Options{MaxIDs: 6_000_000}},
		"fail/too many":     {total: 1000, free: 500, opts: Options{MaxIDs: 7_000_000}, want: ErrNoSpace},
		"fail/no number":    {total: 1000, free: 500, opts: Options{MaxIDs: math.MaxInt64}, want: ErrNoSpace},
		"fail/full":         {total: 1000, free: 63, want: ErrNoSpace},
		"fail/small":        {total: 79, free: 79, want: ErrTooSmall},
		"fail/other format": {files: map[string]string{versionName: versionPrefix + "9\n"}, total: 1000, free: 500, want: ErrVersion},
		"fail/other files":  {files: map[string]string{"letter.txt": "Dear"}, total: 1000, free: 500, want: ErrCorrupt},
		"fail/unreadable":   {files: map[string]string{versionName: "?"}, total: 1000, free: 500, want: ErrCorrupt},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			path := filepath.Join(root, "a", "store")
			if test.files != nil {
				if err := os.MkdirAll(path, dirMode); err != nil {
					t.Fatal(err)
				}
			}
			for name, content := range test.files {
				if err := os.WriteFile(filepath.Join(path, name), []byte(content), fileMode); err != nil {
					t.Fatal(err)
				}
			}
			test.opts.files = volume{vfs.Default, test.total, test.free}
			if err := Check(path, test.opts); !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
			if _, err := os.Stat(filepath.Join(root, "a")); test.files == nil && !errors.Is(err, os.ErrNotExist) {
				t.Errorf("it has made the directory: %v", err)
			}
		})
	}
}

// TestDocumentedVolume holds the docs to the figures.
func TestDocumentedVolume(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	said := fmt.Sprintf("**Its volume** must have %d MiB at least, or the configuration does not load. `max_ids` that the volume cannot hold, at %d bytes an id,",
		(DefaultMinFree+leastRoom)>>20, bytesPerID)
	if !strings.Contains(strings.Join(strings.Fields(string(text)), " "), said) { // lines may be broken anywhere
		t.Errorf("docs/operations.md does not say %q", said)
	}
}

// TestCheckOfAFile finds a file in the place of the directory, and in that of the one above it.
func TestCheckOfAFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, fileMode); err != nil {
		t.Fatal(err)
	}
	if err := Check(file, Options{}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a file: %v", err)
	}
	if err := Check(filepath.Join(file, "store"), Options{}); err == nil {
		t.Error("below a file: it was found in order")
	}
}
