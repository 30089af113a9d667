package rotation

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Announcement begins the comment by which a secret file announces that its secrets are about to change; a time in the form
// of RFC 3339 follows, until which that may take.
const Announcement = "# rotation expected until "

// maxFile is the longest secret file in bytes, as the gate has it.
const maxFile = 64 << 10

var errTooLong = fmt.Errorf("longer than %d bytes", maxFile)

// file is a secret file, line by line.
type file struct {
	path  string // of the file itself, links resolved
	lines []string
}

// readFile reads a secret file.
func readFile(path string) (*file, error) {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	from, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(from, maxFile+1))
	if err := errors.Join(err, from.Close()); err != nil {
		return nil, err
	}
	if len(content) > maxFile {
		return nil, errTooLong
	}
	f := &file{path: path}
	for line := range strings.Lines(string(content)) {
		f.lines = append(f.lines, strings.TrimRight(line, "\r\n"))
	}
	return f, nil
}

// isSecret reports a line that holds a secret.
func isSecret(line string) bool {
	line = strings.TrimSpace(line)
	return line != "" && line[0] != '#'
}

// secrets returns the secrets in order.
func (f *file) secrets() (all []string) {
	for _, line := range f.lines {
		if isSecret(line) {
			all = append(all, strings.TrimSpace(line))
		}
	}
	return all
}

// announce puts the announcement at the top, in place of one that is there.
func (f *file) announce(until time.Time) {
	f.retract()
	f.lines = slices.Insert(f.lines, 0, Announcement+until.UTC().Format(time.RFC3339))
}

// retract takes the announcement out.
func (f *file) retract() {
	f.lines = slices.DeleteFunc(f.lines, func(line string) bool {
		return strings.HasPrefix(strings.TrimSpace(line), Announcement)
	})
}

// add puts a secret ahead of the others.
func (f *file) add(secret string) {
	at := slices.IndexFunc(f.lines, isSecret)
	if at < 0 {
		at = len(f.lines)
	}
	f.lines = slices.Insert(f.lines, at, secret)
}

// drop takes a secret out, and reports whether it was there.
func (f *file) drop(secret string) bool {
	before := len(f.lines)
	f.lines = slices.DeleteFunc(f.lines, func(line string) bool { return strings.TrimSpace(line) == secret })
	return len(f.lines) != before
}

// write replaces the file at one instant: whoever reads it finds either what was there or what is there now. Mode and owner
// stay.
func (f *file) write() (err error) {
	info, err := os.Stat(f.path)
	if err != nil {
		return err
	}
	next, err := os.CreateTemp(filepath.Dir(f.path), ".secret-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(next.Name())
		}
	}()
	var content bytes.Buffer
	for _, line := range f.lines {
		content.WriteString(line + "\n")
	}
	_, err = next.Write(content.Bytes())
	err = errors.Join(err, keepOwner(next, info), next.Chmod(info.Mode().Perm()), next.Sync(), next.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(next.Name(), f.path); err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(f.path))
}
