package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestRecordReplacesWhatWasMeasuredAgain(t *testing.T) {
	t.Parallel()
	m := machine{CPU: "some", Versions: map[string]string{"Go": "1"}}
	old := record{m, []table{{Section: "throughput", Size: 1, Date: "old"}, {Section: "throughput", Size: 2, Date: "old"}}}
	got := old.add(m, []table{{Section: "flood", Size: 1, Date: "new"}, {Section: "throughput", Size: 1, Date: "new"}})
	want := []table{{Section: "throughput", Size: 1, Date: "new"}, {Section: "throughput", Size: 2, Date: "old"}, {Section: "flood", Size: 1, Date: "new"}}
	for i, table := range got.Tables {
		if i >= len(want) || table.Section != want[i].Section || table.Size != want[i].Size || table.Date != want[i].Date {
			t.Fatalf("tables %+v, want %+v", got.Tables, want)
		}
	}
	m.Versions = map[string]string{"Go": "2"}
	if got := old.add(m, want[:1]); len(got.Tables) != 1 {
		t.Errorf("%d tables, want those of the other machine dropped", len(got.Tables))
	}
}

func TestRecordComesBack(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := os.MkdirAll(filepath.Join(folder, "images"), 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, documentName)
	if err := os.WriteFile(path, []byte("before\n"+generatedBegin+"old\n"+generatedEnd+"after\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := readRecord(folder)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.add(machine{CPU: "some"}, []table{someTable()}).publish(folder); err != nil {
		t.Fatal(err)
	}
	if r, err = readRecord(folder); err != nil || len(r.Tables) != 1 || r.Tables[0].Rows[1].Ratios[stock].Median != 0.5 {
		t.Errorf("record = %+v, %v", r, err)
	}
	holdDocument(t, folder, r)
}
