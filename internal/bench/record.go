package main

import (
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
	err = readFigures(folder, recordName, &r)
	return r, err
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
