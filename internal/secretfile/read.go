package secretfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"
)

// ReadTime is how long a file may take to be read. A file system that hangs must not hold up a reload or an exit.
const ReadTime = 5 * time.Second

// The errors of reading any file.
var (
	ErrNotRegular = errors.New("not a regular file: it might never end, or never begin")
	ErrSlow       = fmt.Errorf("not read within %s: its file system may hang", ReadTime)
)

// ReadRegular reads a file within ReadTime. Errors: ErrNotRegular, ErrTooLong, ErrSlow, or the system's. Of a file that still
// hangs, another read fails at once with ErrSlow.
func ReadRegular(path string, most int64) ([]byte, error) {
	content, _, err := readRegular(path, most)
	return content, err
}

// regular is what has been read of a file.
type regular struct {
	content []byte
	info    fs.FileInfo
}

func readRegular(path string, most int64) ([]byte, fs.FileInfo, error) {
	r, err := inTime(path, func() (regular, error) { return readNow(path, most) })
	return r.content, r.info, err
}

func readNow(path string, most int64) (r regular, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return r, err
	}
	if !info.Mode().IsRegular() { // before it is opened, which may have an effect, or wait for a writer
		return r, ErrNotRegular
	}
	file, err := os.OpenFile(path, os.O_RDONLY|nonBlocking, 0)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if r.info, err = file.Stat(); err != nil {
		return r, err
	}
	if !r.info.Mode().IsRegular() { // it was exchanged in between
		return r, ErrNotRegular
	}
	if r.content, err = io.ReadAll(io.LimitReader(file, most+1)); err != nil {
		return r, err
	}
	if int64(len(r.content)) > most {
		return r, fmt.Errorf("%w than %d bytes", ErrTooLong, most)
	}
	return r, nil
}

// hanging holds the paths of reads that have taken longer than ReadTime and go on. Each keeps a thread, so that there may be
// one for a path.
var hanging sync.Map

// inTime does something with a path in a goroutine of its own, and waits for it no longer than ReadTime.
func inTime[T any](path string, do func() (T, error)) (T, error) {
	var none T
	if _, hangs := hanging.Load(path); hangs {
		return none, ErrSlow
	}
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := do()
		done <- result{value, err}
		hanging.Delete(path)
	}()
	timer := time.NewTimer(ReadTime)
	defer timer.Stop()
	select {
	case r := <-done:
		return r.value, r.err
	case <-timer.C:
	}
	hanging.Store(path, nil)
	select {
	case <-done: // just now: it may have deleted the path before it was stored
		hanging.Delete(path)
	default:
	}
	return none, ErrSlow
}
