package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"sync"
)

// records is a file of JSON lines that grows.
type records struct {
	mu  sync.Mutex
	out io.Writer
	end func() error
}

// newLedger creates a file that gets each line in one write before add returns, so that the line is there whatever becomes
// of the process afterwards. A machine that dies is not planned for.
func newLedger(path string) (*records, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	return &records{out: f, end: f.Close}, nil
}

// newJournal creates a file whose lines are there once it is closed.
func newJournal(path string) (*records, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	return &records{out: w, end: func() error { return errors.Join(w.Flush(), f.Close()) }}, nil
}

// add appends a line.
func (r *records) add(line any) error {
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, err = r.out.Write(append(text, '\n'))
	return err
}

func (r *records) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.end()
}

// readRecords returns the lines of several files, one after the other. A last line without an end was cut off by a kill
// and never counted.
func readRecords[T any](paths ...string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, path := range paths {
			if !readFile(path, yield) {
				return
			}
		}
	}
}

// readFile reports whether there may be more.
func readFile[T any](path string, yield func(T, error) bool) bool {
	var none T
	f, err := os.Open(path)
	if err != nil {
		yield(none, err)
		return false
	}
	defer f.Close()
	for r := bufio.NewReaderSize(f, 1<<20); ; {
		text, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return true
		}
		var line T
		if err == nil {
			err = json.Unmarshal(text, &line)
		}
		if err != nil {
			yield(none, fmt.Errorf("%s: %w", path, err))
			return false
		}
		if !yield(line, nil) {
			return false
		}
	}
}
