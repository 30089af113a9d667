package conformance

import (
	"encoding/xml"
	"fmt"
	"io"
	"time"
)

// The elements of the JUnit form that continuous integration servers read.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Skipped  int          `xml:"skipped,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Time    string        `xml:"time,attr"`
		Failure *junitMessage `xml:"failure,omitempty"`
		Error   *junitMessage `xml:"error,omitempty"`
		Skipped *junitMessage `xml:"skipped,omitempty"`
	}
	junitMessage struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// WriteJUnit writes the report as JUnit XML: a test suite for each clause and a test case for each spec. Failures of
// provisional clauses, and those that are expected, stand as skipped cases, since they do not decide. A run that could
// not begin is one error.
func (r *Report) WriteJUnit(w io.Writer) error {
	all := junitSuites{Name: "conformance." + string(r.Role), Time: inSeconds(r.Duration)}
	for _, c := range r.Clauses {
		all.add(c.junit(r.Role))
	}
	if r.Summary.Executed == 0 {
		problem := &junitMessage{Message: r.Problem}
		all.add(junitSuite{Name: "run", Tests: 1, Errors: 1, Cases: []junitCase{
			{Class: all.Name, Name: "the run comes to a verdict", Time: "0", Error: problem},
		}})
	}
	for _, id := range r.Unexpected {
		problem := &junitMessage{Message: "the failure was expected and did not happen"}
		all.add(junitSuite{Name: string(id) + " expected failure", Tests: 1, Failures: 1, Cases: []junitCase{
			{Class: all.Name, Name: "fails as expected", Time: "0", Failure: problem},
		}})
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	return e.Encode(all)
}

func (s *junitSuites) add(suite junitSuite) {
	if len(suite.Cases) == 0 {
		return
	}
	s.Suites = append(s.Suites, suite)
	s.Tests += suite.Tests
	s.Failures += suite.Failures
	s.Errors += suite.Errors
	s.Skipped += suite.Skipped
}

// junit is a clause as a test suite.
func (c ClauseReport) junit(role any) junitSuite {
	suite := junitSuite{Name: string(c.ID), Tests: len(c.Specs)}
	for _, r := range c.Specs {
		tc := junitCase{Class: fmt.Sprintf("conformance.%v.%s", role, c.ID), Name: r.Name, Time: inSeconds(r.Duration)}
		switch message := c.message(r); {
		case r.Verdict == Conformant:
		case r.Verdict == Undetermined && c.decides():
			tc.Error = message
			suite.Errors++
		case r.Verdict == NonConformant && c.decides() && c.Expected == "":
			tc.Failure = message
			suite.Failures++
		default:
			tc.Skipped = message
			suite.Skipped++
		}
		suite.Cases = append(suite.Cases, tc)
	}
	return suite
}

// message says in XML why a spec did not pass.
func (c ClauseReport) message(r Result) *junitMessage {
	if r.Failure == nil {
		return &junitMessage{Message: r.Reason}
	}
	m := &junitMessage{Message: "expected " + r.Failure.Expected + ", got " + r.Failure.Actual}
	if c.Provisional {
		m.Message = "provisional: " + m.Message
	}
	m.Text = fmt.Sprintf("%s %s (%s)\n%s\nsource: %s\n\nexpected: %s\nactual: %s\n%s",
		c.ID, c.Level, c.Certainty, c.Text, c.Source, r.Failure.Expected, r.Failure.Actual, r.Failure.Diff)
	if n := len(r.Exchanges); n > 0 {
		m.Text += "\n" + r.Exchanges[n-1].Curl
	}
	return m
}

func inSeconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
