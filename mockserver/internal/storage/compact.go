package storage

import (
	"cmp"
	"fmt"
	"slices"
)

// A file is written anew when what is dead in it is more than this, and more than what is alive.
const maxGarbage = 32 << 20

// batchSize is how many bytes of values a frame of a new file holds.
const batchSize = 4 << 20

// compact writes the live records into a new file, and puts it in the place of the old one, where that is worth it.
func (j *journal) compact() error {
	if garbage := j.length - firstByte - j.used; garbage < maxGarbage || garbage < j.used {
		return nil
	}
	fresh, err := newJournal(j.path)
	if err != nil {
		return fmt.Errorf("compacting: %w", err)
	}
	if err := j.copyTo(fresh); err != nil {
		fresh.file.Close()
		return fmt.Errorf("compacting: %w", err)
	}
	if err := fresh.rename(j.path); err != nil {
		fresh.file.Close()
		return fmt.Errorf("compacting: %w", err)
	}
	j.file.Close() // the old file has no name any more, so that nothing depends on what becomes of it
	*j = *fresh
	return nil
}

// copyTo writes the live records, in the order in which they lie, so that the reading goes forward.
func (j *journal) copyTo(fresh *journal) error {
	var batch []change
	size := 0
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		err := fresh.write(batch)
		batch, size = nil, 0
		return err
	}
	for _, r := range j.records() {
		value, err := j.read(r.span)
		if err != nil {
			return err
		}
		batch = append(batch, change{put, r.table, r.key, value})
		if size += len(value); size >= batchSize {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	return fresh.writeMark()
}

// record names a live record.
type record struct {
	table, key string
	span
}

// records lists the live records in the order in which they lie in the file.
func (j *journal) records() (all []record) {
	for table, keys := range j.live {
		for key, s := range keys {
			all = append(all, record{table, key, s})
		}
	}
	slices.SortFunc(all, func(a, b record) int { return cmp.Compare(a.at, b.at) })
	return all
}
