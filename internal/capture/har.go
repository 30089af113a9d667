package capture

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// harFile is the part of an HTTP Archive 1.2 that describes requests.
type harFile struct {
	Log *struct {
		Entries []harEntry `json:"entries"`
	} `json:"log"`
	// Request and Started are set where the file is a single entry.
	Request *harRequest `json:"request"`
	Started string      `json:"startedDateTime"`
}

type harEntry struct {
	Request harRequest `json:"request"`
	Started string     `json:"startedDateTime"`
}

type harRequest struct {
	Method   string     `json:"method"`
	URL      string     `json:"url"`
	Headers  []harField `json:"headers"`
	PostData *struct {
		Text string `json:"text"`
	} `json:"postData"`
	BodySize int `json:"bodySize"`
}

type harField struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// parseHAR reads a HAR file or one entry of it.
func parseHAR(data []byte, o Options) (Request, error) {
	var file harFile
	if err := json.Unmarshal(data, &file); err != nil {
		return Request{}, fmt.Errorf("reading the HAR file: %w", err)
	}
	switch {
	case file.Request != nil:
		return harEntry{*file.Request, file.Started}.request(), nil
	case file.Log == nil:
		return Request{}, ErrForm
	}
	entry, err := choose(file.Log.Entries, o)
	if err != nil {
		return Request{}, err
	}
	return entry.request(), nil
}

// choose returns the entry that the options name.
func choose(entries []harEntry, o Options) (harEntry, error) {
	if o.Entry != 0 {
		if o.Entry < 1 || o.Entry > len(entries) {
			return harEntry{}, fmt.Errorf("the HAR file has entries 1 to %d, not %d", len(entries), o.Entry)
		}
		return entries[o.Entry-1], nil
	}
	var found []int
	for i, e := range entries {
		if e.Request.has(o.Header) {
			found = append(found, i)
		}
	}
	switch len(found) {
	case 1:
		return entries[found[0]], nil
	case 0:
		return harEntry{}, fmt.Errorf("none of the %d entries of the HAR file has the header %s; choose one by its number", len(entries), o.Header)
	}
	return harEntry{}, fmt.Errorf("entries %s of the HAR file have the header %s; choose one by its number", numbers(found), o.Header)
}

// numbers lists entries as people count them.
func numbers(indices []int) string {
	const most = 10
	var list []string
	for _, i := range indices[:min(len(indices), most)] {
		list = append(list, strconv.Itoa(i+1))
	}
	if len(indices) > most {
		list = append(list, "…")
	}
	return strings.Join(list, ", ")
}

// has reports whether the request has a field.
func (r harRequest) has(name string) bool {
	for _, f := range r.Headers {
		if strings.EqualFold(f.Name, name) {
			return true
		}
	}
	return false
}

// request returns the entry as a request. A time that cannot be read is none.
func (e harEntry) request() Request {
	r := e.Request
	out := Request{Method: r.Method, Target: r.URL, Header: http.Header{}}
	out.Time, _ = time.Parse(time.RFC3339, e.Started)
	for _, f := range r.Headers {
		out.Header.Add(f.Name, f.Value)
	}
	if r.PostData != nil {
		out.Body = []byte(r.PostData.Text)
	}
	if r.BodySize > 0 && r.BodySize != len(out.Body) {
		out.note("the entry's body has %d bytes although bodySize says %d: what recorded it did not keep the raw bytes", len(out.Body), r.BodySize)
	}
	return out
}
