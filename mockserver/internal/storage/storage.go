// Package storage keeps the mock platform's state in one file, so that it survives the process, whatever ended it.
//
// The state lives in memory and is written through: callers put records under table and key, in the order in which
// they change, and ask for a sync where an answer promises durability. Puts that wait together share one transaction.
// The file is a bbolt database; a record is its JSON behind a checksum.
package storage

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"sync"
	"time"

	"go.etcd.io/bbolt"
)

// Version is the layout of the records. A file of another version is refused.
const Version = "darihook-mock-1"

// maxPending bounds the bytes that wait to be written; past it a Put waits.
const maxPending = 64 << 20

var (
	metaBucket = []byte("meta")
	versionKey = []byte("version")
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// ErrRefused answers a file that is not a whole state file of this version. The file is left as it is.
var ErrRefused = errors.New("state file refused")

// File is an open state file. A nil *File keeps nothing, and its methods do nothing.
type File struct {
	db *bbolt.DB

	mu      sync.Mutex
	changed *sync.Cond
	pending []change
	size    int    // bytes in pending
	put     uint64 // number of changes put so far
	synced  uint64 // number of changes on disk
	err     error  // the first fault of the disk; everything fails from then on
	closed  bool
	ended   chan struct{}
}

type change struct {
	table, key string
	value      []byte // nil deletes; an empty key empties the table
}

// Open opens a state file, or makes one where there is none. Errors: ErrRefused for a file that is no state file, is
// of another version, is cut short or damaged, or is in use by another process.
func Open(path string) (*File, error) {
	if err := inspect(path); err != nil {
		return nil, err
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return nil, fmt.Errorf("opening state file %s: %w", path, err)
	}
	if err := stamp(db); err != nil {
		db.Close()
		return nil, fmt.Errorf("writing state file %s: %w", path, err)
	}
	f := &File{db: db, ended: make(chan struct{})}
	f.changed = sync.NewCond(&f.mu)
	go f.run()
	return f, nil
}

// inspect looks at an existing file without changing it.
func inspect(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("opening state file: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() == 0 {
		return refused(path, "it is empty or not a regular file")
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, Timeout: time.Second})
	if errors.Is(err, bbolt.ErrTimeout) {
		return refused(path, "another process uses it")
	}
	if err != nil {
		return refused(path, "it is not a state file, or its beginning is damaged")
	}
	defer db.Close()
	return db.View(func(tx *bbolt.Tx) error { return inspectTx(path, tx, info.Size()) })
}

// inspectTx looks for what would make the file unusable. The length comes first: reading a page that the file does not
// have would end the process.
func inspectTx(path string, tx *bbolt.Tx, length int64) error {
	if tx.Size() > length {
		return refused(path, fmt.Sprintf("it is cut short: %d of %d bytes", length, tx.Size()))
	}
	for err := range tx.Check() {
		return refused(path, "it is damaged: "+err.Error())
	}
	meta := tx.Bucket(metaBucket)
	if meta == nil {
		return refused(path, "it is not a state file of the mock platform")
	}
	if got := string(meta.Get(versionKey)); got != Version {
		return refused(path, fmt.Sprintf("it has version %q and this program reads %q", got, Version))
	}
	return nil
}

func refused(path, why string) error {
	return fmt.Errorf("%w: %s: %s; move it away to start anew", ErrRefused, path, why)
}

// stamp writes the version into a new file.
func stamp(db *bbolt.DB) error {
	return db.Update(func(tx *bbolt.Tx) error {
		meta, err := tx.CreateBucketIfNotExists(metaBucket)
		if err != nil {
			return err
		}
		return meta.Put(versionKey, []byte(Version))
	})
}

// Put records a value under a table and a key. It does not wait for the disk.
func (f *File) Put(table, key string, value any) {
	if f == nil {
		return
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("encoding a record of %s: %v", table, err)) // records are our own types and always encode
	}
	sum := binary.BigEndian.AppendUint32(nil, crc32.Checksum(encoded, castagnoli))
	f.add(change{table, key, append(sum, encoded...)})
}

// Delete drops a record.
func (f *File) Delete(table, key string) {
	if f != nil {
		f.add(change{table: table, key: key})
	}
}

// Clear drops every record of a table.
func (f *File) Clear(table string) {
	if f != nil {
		f.add(change{table: table})
	}
}

func (f *File) add(c change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.size > maxPending && f.err == nil && !f.closed {
		f.changed.Wait()
	}
	if f.err != nil || f.closed {
		return
	}
	f.pending = append(f.pending, c)
	f.size += len(c.value)
	f.put++
	f.changed.Broadcast()
}

// Sync returns when everything put so far is on disk, or with the fault that keeps it from getting there.
func (f *File) Sync(ctx context.Context) error {
	if f == nil {
		return nil
	}
	defer context.AfterFunc(ctx, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.changed.Broadcast()
	})()
	f.mu.Lock()
	defer f.mu.Unlock()
	for goal := f.put; f.synced < goal && f.err == nil && ctx.Err() == nil; {
		f.changed.Wait()
	}
	if f.err != nil {
		return f.err
	}
	return ctx.Err()
}

// run writes what waits, one transaction after the other, until Close.
func (f *File) run() {
	defer close(f.ended)
	for {
		f.mu.Lock()
		for len(f.pending) == 0 && !f.closed {
			f.changed.Wait()
		}
		batch, goal := f.pending, f.put
		f.pending, f.size = nil, 0
		f.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		err := f.db.Update(func(tx *bbolt.Tx) error { return apply(tx, batch) })
		f.mu.Lock()
		if err != nil && f.err == nil {
			f.err = fmt.Errorf("writing state file: %w", err)
		}
		f.synced = goal
		f.changed.Broadcast()
		f.mu.Unlock()
	}
}

// apply makes a batch of changes in one transaction.
func apply(tx *bbolt.Tx, batch []change) error {
	for _, c := range batch {
		table := []byte(c.table)
		if c.key == "" {
			if err := tx.DeleteBucket(table); err != nil && !errors.Is(err, bbolt.ErrBucketNotFound) {
				return err
			}
			continue
		}
		bucket, err := tx.CreateBucketIfNotExists(table)
		if err != nil {
			return err
		}
		if c.value == nil {
			err = bucket.Delete([]byte(c.key))
		} else {
			err = bucket.Put([]byte(c.key), c.value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Load calls f with every record of a table in the order of their keys, decoded into a new T.
func Load[T any](file *File, table string, f func(key string, value T)) error {
	if file == nil {
		return nil
	}
	return file.db.View(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket([]byte(table))
		if bucket == nil {
			return nil
		}
		return bucket.ForEach(func(key, stored []byte) error {
			value, err := decode[T](stored)
			if err != nil {
				return fmt.Errorf("%w: record %s/%s: %w", ErrRefused, table, key, err)
			}
			f(string(key), value)
			return nil
		})
	})
}

// decode checks and decodes a stored record.
func decode[T any](stored []byte) (value T, err error) {
	if len(stored) < 4 {
		return value, errors.New("record cut short")
	}
	sum, encoded := binary.BigEndian.Uint32(stored), stored[4:]
	if crc32.Checksum(encoded, castagnoli) != sum {
		return value, errors.New("checksum differs")
	}
	return value, json.Unmarshal(encoded, &value)
}

// Close writes what waits and closes the file. A second Close does nothing.
func (f *File) Close() error {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	again := f.closed
	f.closed = true
	f.changed.Broadcast()
	f.mu.Unlock()
	<-f.ended
	if again {
		return nil
	}
	return errors.Join(f.err, f.db.Close())
}
