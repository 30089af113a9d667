package disk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// mark is how far a store has come: what must be found when it is opened the next time.
type mark struct {
	writes  int64 // batches since the store was made
	records int64 // done records after the last of them
}

const markSize = 8 + 8 + 4

func (m mark) append(to []byte) []byte {
	to = binary.BigEndian.AppendUint64(to, uint64(m.writes))
	to = binary.BigEndian.AppendUint64(to, uint64(m.records))
	return binary.BigEndian.AppendUint32(to, crc32.ChecksumIEEE(to))
}

// parseMark reports false for what is no mark, such as a file that was just made.
func parseMark(from []byte) (m mark, ok bool) {
	if len(from) != markSize || crc32.ChecksumIEEE(from[:16]) != binary.BigEndian.Uint32(from[16:]) {
		return mark{}, false
	}
	return mark{int64(binary.BigEndian.Uint64(from)), int64(binary.BigEndian.Uint64(from[8:]))}, true
}

// progress keeps the mark in a file apart from the engine's, whose log is what cleaners of *.log and the exceptions of
// backups take: the engine then starts with what is left, without a word. The mark follows each durable write and is not
// synced. So it never is ahead of the log, survives the process, and is behind after a power loss.
type progress struct {
	file   vfs.File
	log    *throttle
	buffer []byte
}

func openProgress(name string, files vfs.FS, log *throttle) (*progress, error) {
	file, err := files.OpenReadWrite(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, fmt.Errorf("opening progress: %w", err)
	}
	return &progress{file: file, log: log}, nil
}

// compare says what is missing of what the mark of the last time promises.
func (p *progress) compare(path string, found mark) {
	content := make([]byte, markSize)
	if _, err := p.file.ReadAt(content, 0); err != nil && !errors.Is(err, io.EOF) {
		p.log.error("deduplication store: reading progress failed; missing records would not be noticed", err)
		return
	}
	if promised, ok := parseMark(content); ok && promised.writes > found.writes {
		p.log.once(slog.LevelError, "deduplication store: records are missing: its log was removed or cut short; their deliveries may run again",
			"path", path, "writes_missing", promised.writes-found.writes, "records_expected", promised.records, "records_found", found.records)
	}
	p.note(found)
}

// note keeps the mark. A disk on which that fails shows in the engine's own writes.
func (p *progress) note(m mark) {
	if p == nil {
		return
	}
	p.buffer = m.append(p.buffer[:0])
	if _, err := p.file.WriteAt(p.buffer, 0); err != nil {
		p.log.error("deduplication store: writing progress failed", err)
	}
}

func (p *progress) close() error {
	if p == nil {
		return nil
	}
	return errors.Join(p.file.Sync(), p.file.Close())
}
