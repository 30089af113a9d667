package envelope_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/gate/envelope"
)

func compile(t testing.TB, p envelope.Paths) *envelope.Scanner {
	t.Helper()
	s, err := envelope.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// nested returns a body whose deepest bracket is the depth-th, the outermost counting as the first.
func nested(depth int) string {
	return `{"id":"evt_1","data":` + strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) + "}"
}

// manyNames returns a body with n names at the top.
func manyNames(n int) string {
	var b strings.Builder
	b.WriteString(`{"id":"evt_1"`)
	for i := range n - 1 {
		fmt.Fprintf(&b, `,"n%d":0`, i)
	}
	return b.String() + "}"
}

// number returns a body with a number deep within.
func number(text string) string { return `{"id":"evt_1","data":{"list":[{"n":` + text + `}]}}` }

func TestScan(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("a", contract.MaxIDLength)
	full := envelope.Fields{
		ID: "evt_1", Type: "tool.call_requested", Time: "2026-01-01T00:00:00Z",
		Session: "sess_1", Batch: "batch_1", Agent: "agt_1",
	}
	for name, row := range map[string]struct {
		body string
		want envelope.Fields
	}{
		"ok/whole": {`{"id":"evt_1","type":"tool.call_requested","created_at":"2026-01-01T00:00:00Z",
			"data":{"session_id":"sess_1","batch_id":"batch_1","agent_id":"agt_1","arguments":{"id":"x","a":[1,-2.5e+3,true,false,null]}}}`, full},
		"ok/blanks":                   {" \t\r\n{ \"id\" : \"evt_1\" } \n", envelope.Fields{ID: "evt_1"}},
		"ok/empty object":             {`{}`, envelope.Fields{}},
		"ok/escaped name and value":   {`{"\u0069d":"\u0065vt\u005f1\/\ud83d\ude00"}`, envelope.Fields{ID: "evt_1/😀"}},
		"ok/replacement character":    {`{"id":"\ufffd"}`, envelope.Fields{ID: "\ufffd"}},
		"ok/id below the top":         {`{"data":{"id":"evt_1"},"other":{"id":"evt_2"}}`, envelope.Fields{}},
		"ok/id not a string":          {`{"id":1}`, envelope.Fields{}},
		"ok/id null":                  {`{"id":null}`, envelope.Fields{}},
		"ok/id an object":             {`{"id":{"id":"evt_1"}}`, envelope.Fields{}},
		"ok/id empty":                 {`{"id":""}`, envelope.Fields{}},
		"ok/id of the limit":          {`{"id":"` + longest + `"}`, envelope.Fields{ID: longest}},
		"ok/id over the limit":        {`{"id":"` + longest + `a"}`, envelope.Fields{}},
		"ok/id of a megabyte":         {`{"id":"` + strings.Repeat("a", 1<<20) + `"}`, envelope.Fields{}},
		"ok/escaped id of the limit":  {`{"id":"` + strings.Repeat(`\u0061`, contract.MaxIDLength) + `"}`, envelope.Fields{ID: longest}},
		"ok/type over the limit":      {`{"id":"evt_1","type":"` + longest + `"}`, envelope.Fields{ID: "evt_1"}},
		"ok/data not an object":       {`{"id":"evt_1","data":["session_id"]}`, envelope.Fields{ID: "evt_1"}},
		"ok/other names repeat below": {`{"id":"evt_1","data":{"a":1,"a":2}}`, envelope.Fields{ID: "evt_1"}},
		"ok/case varies elsewhere":    {`{"id":"evt_1","Other":1,"other":2}`, envelope.Fields{ID: "evt_1"}},
		"ok/session with a newline":   {`{"id":"evt_1","data":{"session_id":"a\nb"}}`, envelope.Fields{ID: "evt_1"}},
		"ok/half a pair elsewhere":    {`{"id":"evt_1","data":{"text":"\ud83d"}}`, envelope.Fields{ID: "evt_1"}},
		"ok/deepest":                  {nested(contract.MaxNesting), envelope.Fields{ID: "evt_1"}},
		"ok/most names":               {manyNames(envelope.MaxNames), envelope.Fields{ID: "evt_1"}},
		"ok/greatest double":          {number("-1.7976931348623157e308"), envelope.Fields{ID: "evt_1"}},
		"ok/below every double":       {number("1e-999"), envelope.Fields{ID: "evt_1"}},
		"ok/zero times anything":      {number("0e999999999"), envelope.Fields{ID: "evt_1"}},
		"ok/small by its digits":      {number("0." + strings.Repeat("0", 200) + "1e400"), envelope.Fields{ID: "evt_1"}},
		"ok/integer of 64 bits":       {number("18446744073709551615"), envelope.Fields{ID: "evt_1"}},
		"ok/integer of 308 digits":    {number(strings.Repeat("9", 308)), envelope.Fields{ID: "evt_1"}},
		"ok/1000 digits":              {number("0." + strings.Repeat("1", 998)), envelope.Fields{ID: "evt_1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := compile(t, contract.Dari().Envelope).Scan([]byte(row.body))
			if err != nil {
				t.Fatal(err)
			}
			if got != row.want {
				t.Errorf("got %+v, want %+v", got, row.want)
			}
		})
	}
}

func TestScanRefuses(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"fail/empty":                     ``,
		"fail/blank":                     ` `,
		"fail/array":                     `["id"]`,
		"fail/string":                    `"id"`,
		"fail/null":                      `null`,
		"fail/byte order mark":           "\ufeff{\"id\":\"evt_1\"}",
		"fail/trailing object":           `{"id":"evt_1"}{}`,
		"fail/trailing comma":            `{"id":"evt_1"},`,
		"fail/trailing NUL":              "{\"id\":\"evt_1\"}\x00",
		"fail/cut":                       `{"id":"evt_1"`,
		"fail/cut in a name":             `{"i`,
		"fail/cut in an escape":          `{"id":"\u00`,
		"fail/cut after a backslash":     `{"id":"\`,
		"fail/cut in a number":           `{"n":-`,
		"fail/repeated id":               `{"id":"evt_1","id":"evt_1"}`,
		"fail/repeated id, escaped":      `{"id":"evt_1","\u0069d":"evt_2"}`,
		"fail/repeated unknown":          `{"id":"evt_1","x":1,"x":1}`,
		"fail/repeated beyond the few":   strings.Replace(manyNames(40), `"n30"`, `"n25"`, 1),
		"fail/repeated in data":          `{"id":"evt_1","data":{"session_id":"a","session_id":"b"}}`,
		"fail/repeated data":             `{"id":"evt_1","data":{},"data":{}}`,
		"fail/too many names":            manyNames(envelope.MaxNames + 1),
		"fail/ID":                        `{"id":"evt_1","ID":"evt_2"}`,
		"fail/ID alone":                  `{"Id":"evt_2"}`,
		"fail/long s in data":            `{"id":"evt_1","data":{"ſession_id":"a"}}`,
		"fail/invalid UTF-8":             "{\"id\":\"evt_1\",\"x\":\"\xff\"}",
		"fail/encoded surrogate":         "{\"id\":\"\xed\xa0\x80\"}",
		"fail/half a pair in the id":     `{"id":"\ud83d"}`,
		"fail/pair the wrong way round":  `{"id":"\ude00\ud83d"}`,
		"fail/half a pair in a name":     `{"id":"evt_1","\ud800":1}`,
		"fail/half a pair in the type":   `{"id":"evt_1","type":"\ud83dx"}`,
		"fail/NUL in the id":             `{"id":"evt_1\u0000"}`,
		"fail/NUL in a name":             `{"id":"evt_1","id\u0000x":"evt_2"}`,
		"fail/NUL in a name in data":     `{"id":"evt_1","data":{"session_id\u0000":"a"}}`,
		"fail/next line in the id":       "{\"id\":\"evt_1\u0085X: y\"}",
		"fail/next line, escaped":        `{"id":"evt_1\u0085X: y"}`,
		"fail/delete in the id":          `{"id":"evt_\u007f"}`,
		"fail/newline in the id":         `{"id":"evt_1\nX: y"}`,
		"fail/newline in the type":       `{"id":"evt_1","type":"a\r\nb"}`,
		"fail/blank before the id":       `{"id":" evt_1"}`,
		"fail/raw control character":     "{\"id\":\"evt\x01\"}",
		"fail/raw control, long string":  "{\"x\":\"0123456789abcdef\x1f\"}",
		"fail/unknown escape":            `{"id":"\x41"}`,
		"fail/bad hexadecimal":           `{"id":"\u00g0"}`,
		"fail/leading zero":              `{"n":01}`,
		"fail/plus":                      `{"n":+1}`,
		"fail/point alone":               `{"n":1.}`,
		"fail/no exponent":               `{"n":1e}`,
		"fail/NaN":                       `{"n":NaN}`,
		"fail/infinite":                  number("1e999"),
		"fail/infinite, negative":        number("-1E+309"),
		"fail/infinite by rounding":      number("1.7976931348623159e308"),
		"fail/integer of 310 digits":     number(strings.Repeat("9", 310)),
		"fail/infinite by both":          number(strings.Repeat("9", 200) + "e109"),
		"fail/1001 digits":               number("0." + strings.Repeat("1", 999)),
		"fail/exponent of ten digits":    number("1e-1000000000"),
		"fail/infinite at the top":       `{"id":"evt_1","n":1e999}`,
		"fail/infinite in place of id":   `{"id":1e999}`,
		"fail/literal cut":               `{"n":tru}`,
		"fail/comment":                   `{"n":1/**/}`,
		"fail/single quotes":             `{'id':'evt_1'}`,
		"fail/no colon":                  `{"id" "evt_1"}`,
		"fail/comma in an object":        `{"id":"evt_1",}`,
		"fail/comma in an array":         `{"a":[1,]}`,
		"fail/comma missing in an array": `{"a":[1 2]}`,
		"fail/brackets crossed":          `{"a":[}]`,
		"fail/name not a string":         `{"a":{1:2}}`,
		"fail/too deep":                  nested(contract.MaxNesting + 1),
		"fail/10,000 deep":               nested(10_000),
		"fail/10,000 open":               strings.Repeat("[", 10_000),
		"fail/10,000 objects":            `{"id":"evt_1","x":` + strings.Repeat(`{"a":`, 10_000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := compile(t, contract.Dari().Envelope).Scan([]byte(body))
			if !errors.Is(err, envelope.ErrInvalid) {
				t.Errorf("got %+v and error %v, want ErrInvalid", got, err)
			}
		})
	}
}

func TestCompile(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		paths envelope.Paths
		ok    bool
	}{
		"ok/dari":           {contract.Dari().Envelope, true},
		"ok/nothing":        {envelope.Paths{}, true},
		"fail/deeper":       {envelope.Paths{ID: "data.object.id"}, false},
		"fail/no name":      {envelope.Paths{ID: "data."}, false},
		"fail/no object":    {envelope.Paths{ID: ".id"}, false},
		"fail/two objects":  {envelope.Paths{ID: "data.id", Type: "event.type"}, false},
		"ok/other object":   {envelope.Paths{ID: "event_id", Type: "event.type"}, true},
		"fail/used twice":   {envelope.Paths{ID: "id", Type: "id"}, false},
		"fail/data as text": {envelope.Paths{ID: "data", Session: "data.session_id"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := envelope.Compile(row.paths); (err == nil) != row.ok {
				t.Errorf("error %v", err)
			}
		})
	}
}

func BenchmarkScan(b *testing.B) {
	s := compile(b, contract.Dari().Envelope)
	for _, size := range []int{1 << 10, 20 << 10, 256 << 10} {
		text := strings.Repeat("an argument of a tool call, ", size/28)
		body := []byte(`{"id":"evt_1","type":"tool.call_requested","created_at":"2026-01-01T00:00:00Z","data":{"session_id":"sess_1","arguments":{"text":"` + text + `"}}}`)
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Scan(body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
