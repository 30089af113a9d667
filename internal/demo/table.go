package demo

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/darihook/darihook/contract"
)

// answer is what the gate said to one request.
type answer struct {
	status    int
	code      string
	duplicate bool
	err       string
}

// answerOf reads an answer from its status and header.
func answerOf(status int, header http.Header) answer {
	return answer{
		status:    status,
		code:      header.Get(contract.HeaderError),
		duplicate: header.Get(contract.HeaderDuplicate) == "true",
	}
}

// String is the status with what explains it.
func (a answer) String() string {
	switch {
	case a.err != "":
		return a.err
	case a.code != "":
		return strconv.Itoa(a.status) + " " + a.code
	case a.duplicate:
		return strconv.Itoa(a.status) + " duplicate"
	}
	return strconv.Itoa(a.status)
}

// row is one line of the table.
type row struct {
	sent    string
	answers []string
	runs    int
	kept    bool
}

// writeTable prints what was sent, what the gate answered and what the receiver saw.
func writeTable(w io.Writer, rows []row) error {
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "  SENT\tTHE GATE ANSWERED\tTHE RECEIVER SAW")
	for _, r := range rows {
		mark := "✓"
		if !r.kept {
			mark = "✗"
		}
		fmt.Fprintf(table, "%s %s\t%s\t%s\n", mark, r.sent, strings.Join(r.answers, ", "), times(r.runs))
	}
	return table.Flush()
}

// times spells a small number of deliveries.
func times(n int) string {
	switch n {
	case 0:
		return "nothing"
	case 1:
		return "it once"
	}
	return fmt.Sprintf("it %d times", n)
}
