package vendortest

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// bodies are what is signed: text, what JSON does not allow for, and nothing.
var bodies = []struct {
	name  string
	bytes []byte
}{
	{"JSON", []byte(`{"id":"evt_1","text":"grüße"}` + "\n")},
	{"a form", []byte("a=1&b=%20")},
	{"JSON behind a byte order mark", []byte("\uFEFF{}")},
	{"JSON in Latin-1", []byte("{\"text\":\"gr\xfc\xdfe\"}")},
	{"nothing", nil},
}

// rightRequests are the requests that both sides should accept: each body, signed here and by the library.
func rightRequests() (rows []alteration) {
	for _, body := range bodies {
		rows = append(rows, alteration{body.name + ", signed here", func(t *testing.T, v vendor, r *request) bool {
			r.body = body.bytes
			r.header = v.signed(t, v.secret, "msg_1", time.Now(), r.body)
			return true
		}}, alteration{body.name + ", signed by the library", func(t *testing.T, v vendor, r *request) bool {
			if v.sign == nil {
				return false
			}
			var err error
			r.body = body.bytes
			if r.header, err = v.sign(t, "msg_1", time.Now(), r.body); err == nil {
				return true
			}
			if v.verify(t, v.signed(t, v.secret, "msg_1", time.Now(), r.body), r.body) == nil {
				t.Errorf("%s: the library accepts such a body but does not sign it: %v", body.name, err)
			}
			return false
		}})
	}
	return rows
}

// TestTheyAndWeJudgeAlike compares the verdicts on every request, and the differences with the list in the documentation:
// each is there, and nothing else is.
func TestTheyAndWeJudgeAlike(t *testing.T) {
	t.Parallel()
	listed := differences(t)
	for _, v := range vendors(t) {
		known := listed[v.name]
		delete(listed, v.name)
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			if v.need != nil {
				v.need(t)
			}
			accepted := compare(t, v, known, rightRequests(), true)
			altered := compare(t, v, known, alterations, false)
			if accepted == 0 || altered < 10 {
				t.Errorf("both accept %d right requests and refuse %d altered ones", accepted, altered)
			}
			for row := range known {
				t.Errorf("the documentation lists a difference that there is not: %s", row)
			}
		})
	}
	for name := range listed {
		t.Errorf("the documentation lists differences with %s, which is not tested", name)
	}
}

// compare has both sides judge the requests, takes what the documentation lists out of known, and returns how many requests
// both accept, or refuse. Requests that are right must be accepted by both unless a difference is listed.
func compare(t *testing.T, v vendor, known map[string]bool, rows []alteration, right bool) (alike int) {
	t.Helper()
	for _, a := range rows {
		r := request{body: []byte(`{"id":"evt_1","type":"a.b"}`)}
		r.header = v.signed(t, v.secret, "msg_1", time.Now(), r.body)
		if !a.change(t, v, &r) {
			continue
		}
		theirs, ours := v.verify(t, r.header, r.body), v.ours(t, r.header, r.body)
		row := fmt.Sprintf("%s: they %s, here %s", a.name, verdict(theirs), verdict(ours))
		isListed := known[row]
		delete(known, row)
		switch differ := (theirs == nil) != (ours == nil); {
		case differ != isListed, right && theirs != nil && ours != nil:
			t.Errorf("%s (listed: %t)\ntheirs: %v\nours: %v", row, isListed, theirs, ours)
		case (theirs == nil) == right && !differ:
			alike++
		}
	}
	return alike
}

func verdict(err error) string {
	if err == nil {
		return "accepts"
	}
	return "refuses"
}

// differences returns the differences that the documentation lists, by library. None may lack a reason.
func differences(t *testing.T) map[string]map[string]bool {
	t.Helper()
	text, err := os.ReadFile("../../docs/providers.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rows, found := strings.Cut(string(text), "\n| request | libraries | they | here | reason |\n|---|---|---|---|---|\n")
	if !found {
		t.Fatal("the documentation has no table of differences")
	}
	listed := map[string]map[string]bool{}
	for line := range strings.Lines(rows) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		if len(cells) != 5 {
			break
		}
		if reason := strings.Trim(cells[4], " |"); reason == "" {
			t.Errorf("no reason is given in %q", line)
		}
		row := fmt.Sprintf("%s: they %s, here %s", strings.TrimPrefix(cells[0], "| "), cells[2], cells[3])
		for library := range strings.SplitSeq(cells[1], ", ") {
			if listed[library] == nil {
				listed[library] = map[string]bool{}
			}
			listed[library][row] = true
		}
	}
	return listed
}
