package conformance

import (
	_ "embed"
	"html/template"
	"io"
	"time"
)

//go:embed report.html.tmpl
var pageText string

// page is the report as HTML: one file, with its style and its few lines of script inside, and no request to anywhere.
var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"short": func(d time.Duration) string { return d.Round(time.Millisecond).String() },
	"date":  func(t time.Time) string { return t.Format("2006-01-02 15:04:05 MST") },
}).Parse(pageText))

// WriteHTML writes the report as one HTML page that needs nothing else: a table of clauses, and for each clause its text,
// its source, its specs and their wire transcript.
func (r *Report) WriteHTML(w io.Writer) error { return page.Execute(w, r) }

// escape makes a text safe inside of XML.
func escape(text string) string { return template.HTMLEscapeString(text) }
