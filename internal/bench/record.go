package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
)

// recordName is the file of the figures in the folder of the documents.
const recordName = "benchmarks.json"

// record is all figures that the document shows. They are of one machine.
type record struct {
	Machine machine `json:"machine"`
	Tables  []table `json:"tables"`
}

// readRecord reads the figures of a folder; without any it is empty.
func readRecord(folder string) (r record, err error) {
	text, err := os.ReadFile(filepath.Join(folder, recordName))
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("reading %s: %w", recordName, err)
	}
	return r, nil
}

// add puts new tables in the place of older ones of the same section and size. Those of another machine, or of other
// programs, are dropped: they cannot be compared.
func (r record) add(m machine, tables []table) record {
	kept := record{Machine: m}
	if reflect.DeepEqual(r.Machine, m) {
		kept.Tables = slices.DeleteFunc(slices.Clone(r.Tables), func(old table) bool {
			return slices.ContainsFunc(tables, func(t table) bool { return t.Section == old.Section && t.Size == old.Size })
		})
	}
	kept.Tables = append(kept.Tables, tables...)
	order := names(sections())
	slices.SortStableFunc(kept.Tables, func(a, b table) int {
		if a.Section != b.Section {
			return slices.Index(order, a.Section) - slices.Index(order, b.Section)
		}
		return a.Size - b.Size
	})
	return kept
}

// write writes the figures into a folder.
func (r record) write(folder string) error {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, recordName), append(text, '\n'), 0o644)
}
