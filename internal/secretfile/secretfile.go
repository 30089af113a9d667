// Package secretfile reads and changes the files that hold signing secrets: one secret a line. Blank lines and lines that
// begin with # do not count, and blanks around a secret do not belong to it. The gate, the commands and a rotation read them here.
package secretfile

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/darihook/darihook/signature"
)

// Announcement begins the comment by which a secret file announces that its secrets are about to change; a time in the form
// of RFC 3339 follows, until which that may take.
const Announcement = "# rotation expected until "

// MaxSize is the longest secret file in bytes.
const MaxSize = 64 << 10

// The errors of a secret file.
var (
	ErrEmpty   = errors.New("no secret in the file")
	ErrTooLong = errors.New("longer")
)

// File is the content of a secret file, line by line.
type File struct {
	// Sum is the hash of the content: a change is known without keeping the content.
	Sum [sha256.Size]byte
	// Open tells that everyone on the machine may read the file. It is false where files have no such modes.
	Open bool

	path  string // of the file itself, links resolved
	lines []string
}

// Read reads a file. What its lines say is not judged before [File.Secrets] is called.
func Read(path string) (*File, error) {
	path, err := inTime(path, func() (string, error) { return filepath.EvalSymlinks(path) })
	if err != nil {
		return nil, err
	}
	content, info, err := readRegular(path, MaxSize)
	if err != nil {
		return nil, err
	}
	f := Parse(content)
	f.path, f.Open = path, openToAll(info)
	return f, nil
}

// Parse splits a content into lines, such as that of a variable with a secret a line.
func Parse(content []byte) *File {
	f := &File{Sum: sha256.Sum256(content)}
	for line := range strings.Lines(string(content)) {
		f.lines = append(f.lines, strings.TrimRight(line, "\r\n"))
	}
	return f
}

// isSecret reports a line that holds a secret.
func isSecret(line string) bool {
	line = strings.TrimSpace(line)
	return line != "" && line[0] != '#'
}

// Secrets returns the secrets in order. Errors: none, too many, or one that cannot be a secret; they name the line and nothing of
// what it says.
func (f *File) Secrets() ([]signature.Secret, error) {
	var secrets []signature.Secret
	for i, line := range f.lines {
		if strings.Contains(line, "\r") { // the end of a line to old editors: the rest must not count as a comment
			return nil, fmt.Errorf("line %d: %w", i+1, signature.ErrSecretInvisible)
		}
		if !isSecret(line) {
			continue
		}
		secret, err := signature.NewSecret(strings.TrimSpace(line))
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		secrets = append(secrets, secret)
		if len(secrets) > signature.MaxSecrets {
			return nil, signature.ErrTooManySecrets
		}
	}
	if len(secrets) == 0 {
		return nil, ErrEmpty
	}
	return secrets, nil
}

// ExpectedUntil returns until when the file announces that its secrets are about to change. It is zero without an announcement,
// or with one that has no time.
func (f *File) ExpectedUntil() time.Time {
	for _, line := range f.lines {
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), Announcement); ok {
			until, _ := time.Parse(time.RFC3339, strings.TrimSpace(text))
			return until
		}
	}
	return time.Time{}
}

// Announce puts the announcement at the top, in place of one that is there.
func (f *File) Announce(until time.Time) {
	f.Retract()
	f.lines = slices.Insert(f.lines, 0, Announcement+until.UTC().Format(time.RFC3339))
}

// Retract takes the announcement out.
func (f *File) Retract() {
	f.lines = slices.DeleteFunc(f.lines, func(line string) bool {
		return strings.HasPrefix(strings.TrimSpace(line), Announcement)
	})
}

// Add puts a secret ahead of the others.
func (f *File) Add(secret string) {
	at := slices.IndexFunc(f.lines, isSecret)
	if at < 0 {
		at = len(f.lines)
	}
	f.lines = slices.Insert(f.lines, at, secret)
}

// Drop takes a secret out, and reports whether it was there.
func (f *File) Drop(secret signature.Secret) bool {
	before := len(f.lines)
	f.lines = slices.DeleteFunc(f.lines, func(line string) bool {
		found, err := signature.NewSecret(strings.TrimSpace(line))
		return err == nil && isSecret(line) && found.Equal(secret)
	})
	return len(f.lines) != before
}

// Write replaces the file at one instant: whoever reads it finds either what was there or what is there now. Mode and owner
// stay.
func (f *File) Write() (err error) {
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

// OpenToAll reports whether everyone on the machine may read the file at a path.
func OpenToAll(path string) bool {
	info, err := inTime(path, func() (fs.FileInfo, error) { return os.Stat(path) })
	return err == nil && openToAll(info)
}

func openToAll(info fs.FileInfo) bool { return hasModes && info.Mode().Perm()&0o004 != 0 }
