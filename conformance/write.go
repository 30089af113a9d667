package conformance

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// The files that a report folder gets.
const (
	FileJSON  = "report.json"
	FileJUnit = "junit.xml"
	FileHTML  = "report.html"
	FileBadge = "badge.svg"
)

// Write writes the report into a folder, which is made where it is missing: as JSON, as JUnit XML, as one HTML page that
// needs nothing else, and as an SVG badge.
func (r *Report) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making the report folder: %w", err)
	}
	for name, write := range map[string]func(io.Writer) error{
		FileJSON: r.WriteJSON, FileJUnit: r.WriteJUnit, FileHTML: r.WriteHTML, FileBadge: r.WriteBadge,
	} {
		if err := writeFile(filepath.Join(dir, name), write); err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
	}
	return nil
}

// writeFile creates a file and reports the first thing that went wrong, that of closing it included.
func writeFile(path string, write func(io.Writer) error) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	return write(f)
}

// WriteJSON writes the report as indented JSON in the form that Schema names.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(r)
}
