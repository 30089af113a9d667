package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// span is where a value lies in the file.
type span struct {
	at   int64
	size int
}

// journal is the file and an index of what is live in it.
type journal struct {
	path   string
	file   *os.File
	length int64 // of what counts; the next frame goes there
	mark   int   // which mark is written next
	live   map[string]map[string]span
	used   int64 // bytes of live values
}

// openJournal opens and reads a file, or makes one.
func openJournal(path string) (*journal, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return createJournal(path)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("opening state file: %w", err)
	}
	j := &journal{path: path, file: file, live: map[string]map[string]span{}}
	if err := j.readAll(); err != nil {
		file.Close()
		return nil, err
	}
	return j, j.compact()
}

// createJournal makes an empty file. It gets its name when it is whole.
func createJournal(path string) (*journal, error) {
	j, err := newJournal(path)
	if err != nil {
		return nil, err
	}
	return j, j.rename(path)
}

// newJournal makes an empty file beside the path.
func newJournal(path string) (*journal, error) {
	file, err := os.OpenFile(path+".new", os.O_RDWR|os.O_CREATE|os.O_TRUNC, perm)
	if err != nil {
		return nil, fmt.Errorf("making state file: %w", err)
	}
	j := &journal{path: path + ".new", file: file, length: firstByte, live: map[string]map[string]span{}}
	if err := lock(file); err != nil {
		file.Close()
		return nil, refused(path, "another process makes it")
	}
	head := append([]byte(Version+"\n"), encodeMark(firstByte)...)
	if _, err := file.WriteAt(append(head, encodeMark(firstByte)...), 0); err != nil {
		file.Close()
		return nil, fmt.Errorf("making state file: %w", err)
	}
	return j, nil
}

// rename gives a whole file its name, durably.
func (j *journal) rename(path string) error {
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("syncing state file: %w", err)
	}
	if err := os.Rename(j.path, path); err != nil {
		return fmt.Errorf("naming state file: %w", err)
	}
	j.path = path
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("syncing folder: %w", err)
	}
	defer folder.Close()
	if err := folder.Sync(); err != nil {
		return fmt.Errorf("syncing folder: %w", err)
	}
	return nil
}

// readAll locks the file and reads what counts, without changing it.
func (j *journal) readAll() error {
	info, err := j.file.Stat()
	if err != nil {
		return fmt.Errorf("reading state file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return refused(j.path, "it is not a regular file")
	}
	if err := lock(j.file); err != nil {
		return refused(j.path, "another process uses it")
	}
	known, err := j.readHead()
	if err != nil {
		return err
	}
	if known > info.Size() {
		return refused(j.path, "it is cut short: %d of at least %d bytes", info.Size(), known)
	}
	return j.readFrames(known, info.Size())
}

// readHead checks the version and returns the longest mark.
func (j *journal) readHead() (known int64, err error) {
	head := make([]byte, firstByte)
	n, err := j.file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("reading state file: %w", err)
	}
	line := string(head[:min(n, headSize)])
	switch {
	case len(line) < headSize || line[:14] != Version[:14]:
		return 0, refused(j.path, "it is not a state file of the mock platform, or cut short")
	case line != Version+"\n":
		return 0, refused(j.path, "it has version %q and this program reads %q", line, Version)
	case n < firstByte:
		return 0, refused(j.path, "it is cut short: %d bytes", n)
	}
	first, okFirst := decodeMark(head[headSize:])
	other, okOther := decodeMark(head[headSize+markSize:])
	if !okFirst && !okOther {
		return 0, refused(j.path, "it is damaged: neither mark is whole")
	}
	if okFirst {
		known = first
	}
	if okOther {
		known = max(known, other)
	}
	return known, nil
}

// readFrames indexes the frames. Up to the known length each must be whole; behind it the first that is not ends what
// counts.
func (j *journal) readFrames(known, size int64) error {
	for j.length = firstByte; j.length < size; {
		payload, err := j.readFrame(size)
		if err == nil {
			err = j.index(payload)
		}
		if errors.Is(err, errFrame) && j.length >= known {
			return nil
		}
		if errors.Is(err, errFrame) {
			return refused(j.path, "it is damaged at byte %d", j.length)
		}
		if err != nil {
			return fmt.Errorf("reading state file: %w", err)
		}
		j.length += frameHead + int64(len(payload))
	}
	return nil
}

// readFrame reads the frame at the journal's length.
func (j *journal) readFrame(size int64) ([]byte, error) {
	if size-j.length < frameHead {
		return nil, errFrame
	}
	head := make([]byte, frameHead)
	if _, err := j.file.ReadAt(head, j.length); err != nil {
		return nil, err
	}
	n := int64(binary.BigEndian.Uint32(head))
	if n == 0 || n > maxFrame || n > size-j.length-frameHead {
		return nil, errFrame
	}
	payload := make([]byte, n)
	if _, err := j.file.ReadAt(payload, j.length+frameHead); err != nil {
		return nil, err
	}
	if crc32.Checksum(payload, castagnoli) != binary.BigEndian.Uint32(head[4:]) {
		return nil, errFrame
	}
	return payload, nil
}

// index notes the changes of the frame at the journal's length. A frame counts whole or not at all.
func (j *journal) index(payload []byte) error {
	if err := decodePayload(payload, func(change, int) {}); err != nil {
		return err
	}
	return decodePayload(payload, func(c change, value int) {
		j.note(c, j.length+frameHead+int64(value))
	})
}

// note keeps the index of live values.
func (j *journal) note(c change, at int64) {
	table := j.live[c.table]
	switch c.op {
	case put:
		if table == nil {
			table = map[string]span{}
			j.live[c.table] = table
		}
		j.used += int64(len(c.value) - table[c.key].size)
		table[c.key] = span{at, len(c.value)}
	case remove:
		j.used -= int64(table[c.key].size)
		delete(table, c.key)
	case empty:
		for _, s := range table {
			j.used -= int64(s.size)
		}
		delete(j.live, c.table)
	}
}

// read returns a live value.
func (j *journal) read(s span) ([]byte, error) {
	value := make([]byte, s.size)
	_, err := j.file.ReadAt(value, s.at)
	return value, err
}

// append writes changes as one frame, which is on disk when it returns nil.
func (j *journal) append(changes []change) error {
	if err := j.write(changes); err != nil {
		return err
	}
	if err := j.file.Sync(); err != nil {
		return err
	}
	if err := j.writeMark(); err != nil {
		return err
	}
	return j.compact()
}

// write writes a frame behind what counts.
func (j *journal) write(changes []change) error {
	frame, values := encodeFrame(changes)
	if len(frame)-frameHead > maxFrame {
		return errors.New("too much to write at once")
	}
	if _, err := j.file.WriteAt(frame, j.length); err != nil {
		return err
	}
	for i, c := range changes {
		j.note(c, j.length+int64(values[i]))
	}
	j.length += int64(len(frame))
	return nil
}

// writeMark notes how long the file is. It reaches the disk with the next frame; until then the frames speak for
// themselves.
func (j *journal) writeMark() error {
	_, err := j.file.WriteAt(encodeMark(j.length), headSize+int64(j.mark)*markSize)
	j.mark = 1 - j.mark
	return err
}

// close ends the use of the file.
func (j *journal) close() error {
	return errors.Join(j.file.Sync(), unlock(j.file), j.file.Close())
}
