package conformance

import (
	"bufio"
	"encoding/json"
	"io"
	"strings"
)

// eventComes reads server-sent events until one of the type comes, or the stream ends.
func eventComes(stream io.Reader, kind string) bool {
	lines := bufio.NewScanner(stream)
	lines.Buffer(make([]byte, 0, 64<<10), maxAnswer)
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		if field == "event" && value == kind {
			return true
		}
		var v any
		if field == "data" && json.Unmarshal([]byte(value), &v) == nil && mentions(v, kind) {
			return true
		}
	}
	return false
}
