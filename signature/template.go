package signature

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/darihook/darihook/contract"
)

// maxTemplate is the longest template in bytes.
const maxTemplate = 128

// part is what a piece of a template stands for.
type part uint8

// The parts of a template. The body is not among them: it always comes last.
const (
	literal part = iota
	timestamp
	id
)

// partNames are the parts' spellings in a template.
var partNames = map[string]part{"{timestamp}": timestamp, "{id}": id}

// segment is a piece of a template: a part, or a literal text.
type segment struct {
	part part
	text string
}

// parseTemplate splits a template into the segments ahead of the body.
func parseTemplate(c contract.Content, unsignedBody bool) ([]segment, error) {
	head, isLast := strings.CutSuffix(string(c), "{body}")
	switch {
	case c == "":
		return nil, errors.New("the template is empty")
	case isLast && unsignedBody:
		return nil, errors.New("the template has {body} although the body is said to be unsigned")
	case len(c) > maxTemplate:
		return nil, fmt.Errorf("the template is longer than %d bytes", maxTemplate)
	case !isLast && !unsignedBody:
		return nil, errors.New("the template does not end with {body}")
	}
	var segments []segment
	for head != "" {
		n, err := nextSegment(head)
		if err != nil {
			return nil, err
		}
		segments = append(segments, segment{partNames[head[:n]], head[:n]})
		head = head[n:]
	}
	return segments, nil
}

// nextSegment returns the length of a template's first segment.
func nextSegment(head string) (int, error) {
	if head[0] != '{' {
		n := strings.IndexByte(head, '{')
		if n < 0 {
			n = len(head)
		}
		if !isVisible(head[:n]) || strings.Contains(head[:n], "}") {
			return 0, fmt.Errorf("%q in the template is not visible text", head[:n])
		}
		return n, nil
	}
	n := strings.IndexByte(head, '}') + 1
	if _, known := partNames[head[:n]]; !known {
		return 0, fmt.Errorf("%q in the template is not {id} or {timestamp}", head)
	}
	return n, nil
}

// checkTemplate refuses a template that could be taken apart in two ways, and returns the byte that an id must not
// contain for that reason.
func checkTemplate(head []segment, signsBody bool) (idStop byte, err error) {
	seen := map[part]bool{}
	for i, s := range head {
		if s.part == literal {
			continue
		}
		if seen[s.part] {
			return 0, fmt.Errorf("%s stands in the template twice", s.text)
		}
		seen[s.part] = true
		if i+1 == len(head) && !signsBody {
			continue // the message's end ends it
		}
		if i+1 == len(head) || head[i+1].part != literal {
			return 0, fmt.Errorf("nothing ends %s in the template", s.text)
		}
		stop := head[i+1].text[0]
		if s.part == id {
			idStop = stop
		} else if isDigit(stop) {
			return 0, errors.New("a digit ends {timestamp} in the template")
		}
	}
	return idStop, nil
}

// appendHead appends the signed bytes that stand ahead of the body.
func (p *plan) appendHead(b []byte, seconds int64, deliveryID string) []byte {
	for i := range p.head {
		switch s := &p.head[i]; s.part {
		case timestamp:
			b = strconv.AppendInt(b, seconds, 10)
		case id:
			b = append(b, deliveryID...)
		default:
			b = append(b, s.text...)
		}
	}
	return b
}
