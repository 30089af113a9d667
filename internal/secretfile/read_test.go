package secretfile

import (
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestReadRegular(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := os.WriteFile(path, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		path string
		most int64
		want error
	}{
		"ok/file":        {path, 5, nil},
		"ok/link":        {link, 5, nil},
		"fail/too long":  {path, 4, ErrTooLong},
		"fail/directory": {dir, 5, ErrNotRegular},
		"fail/device":    {os.DevNull, 5, ErrNotRegular},
		"fail/none":      {path + "s", 5, os.ErrNotExist},
	} {
		content, err := ReadRegular(row.path, row.most)
		if !errors.Is(err, row.want) || err == nil && string(content) != "12345" {
			t.Errorf("%s: %q, %v; want %v", name, content, err, row.want)
		}
	}
}

// TestHangingFile gives a read up that does not come back, does not begin another beside it, and reads again once it is over.
func TestHangingFile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var begun atomic.Int64
		back := make(chan struct{})
		read := func() (string, error) {
			begun.Add(1)
			<-back
			return "content", nil
		}
		start := time.Now()
		for range 3 {
			if _, err := inTime("/hangs", read); !errors.Is(err, ErrSlow) {
				t.Errorf("%v, want %v", err, ErrSlow)
			}
		}
		if took := time.Since(start); took != ReadTime || begun.Load() != 1 {
			t.Errorf("%d reads within %s, want one within %s", begun.Load(), took, ReadTime)
		}
		close(back)
		synctest.Wait()
		if content, err := inTime("/hangs", read); err != nil || content != "content" {
			t.Errorf("once it is back: %q, %v", content, err)
		}
	})
}
