package signature

import (
	"strconv"
	"strings"
	"time"

	"github.com/darihook/darihook/contract"
)

// maxStampText is the longest timestamp in bytes that Explain looks at, whatever its form.
const maxStampText = 64

// maxTagText is the longest tag in bytes that a finding shows, and unshownTag stands for longer ones.
const (
	maxTagText = 16
	unshownTag = "?"
)

// TimestampForm names how a sender may have written the timestamp.
type TimestampForm string

// The timestamp forms.
const (
	TimestampNone         TimestampForm = ""
	TimestampSeconds      TimestampForm = "seconds"
	TimestampMilliseconds TimestampForm = "milliseconds"
	TimestampOther        TimestampForm = "another form"
)

// reading is a request as a scheme may have meant it, read with tolerance.
type reading struct {
	scheme contract.Scheme
	items  []item
	stamp  stamp
	// head is what would be signed ahead of the body.
	head string
}

// item is one value of the signature header.
type item struct {
	tag     string
	decoded []candidate
}

// stamp is a timestamp as it is written.
type stamp struct {
	text string
	form TimestampForm
	time time.Time
}

// readingsOf reads a request by every scheme. A scheme for which the request gives two timestamps has two readings, and
// one for which it holds no signature has none.
func readingsOf(schemes []contract.Scheme, h Headers) []reading {
	var readings []reading
	for _, s := range schemes[:min(len(schemes), maxExplainSchemes)] {
		p, err := compile(s)
		if err != nil {
			continue
		}
		items, stamps := p.looseItems(h)
		if len(items) == 0 {
			continue
		}
		for _, stamp := range stamps {
			readings = append(readings, reading{s, items, stamp, p.looseHead(h, stamp)})
		}
	}
	return readings
}

// looseItems returns the values of the signature header, and the timestamps of the places that the scheme has. Blanks
// around items, several lines, unknown tags and no tag at all do not matter.
func (p *plan) looseItems(h Headers) (items []item, stamps []stamp) {
	for _, text := range p.looseTexts(h) {
		tag, value := p.looseTag(text)
		if tag != "" && tag == p.TimestampTag {
			stamps = addStamp(stamps, value)
		} else if decoded := decodeVariants(value); len(decoded) > 0 && len(items) < maxExplainItems {
			items = append(items, item{shownTag(tag), decoded})
		}
	}
	if p.timestampName != "" {
		for _, line := range h.Values(p.timestampName) {
			stamps = addStamp(stamps, line)
		}
	}
	if len(stamps) == 0 && !p.signsTimestamp {
		stamps = []stamp{{}}
	}
	return items, stamps
}

// looseTexts splits the signature header's lines into items.
func (p *plan) looseTexts(h Headers) []string {
	var texts []string
	for _, line := range h.Values(p.signatureName) {
		line = line[:min(len(line), contract.MaxSignatureHeader)]
		texts = append(texts, strings.FieldsFunc(line, func(r rune) bool {
			return r == ' ' || r == '\t' || string(r) == p.ItemSeparator
		})...)
		if len(texts) > maxExplainItems {
			return texts[:maxExplainItems]
		}
	}
	return texts
}

// looseTag splits an item into its tag and its value. An item without a tag is all value; the padding of base64 is no
// tag's end.
func (p *plan) looseTag(text string) (tag, value string) {
	if p.TagSeparator == "" {
		return "", text
	}
	tag, value, found := strings.Cut(text, p.TagSeparator)
	if !found || strings.Trim(value, "=") == "" {
		return "", text
	}
	return tag, value
}

// shownTag returns a tag as a finding may show it. What stands ahead of a separator can be anything, even a signature.
func shownTag(tag string) string {
	if tag == "" || isTag(tag) && len(tag) <= maxTagText {
		return tag
	}
	return unshownTag
}

// looseHead writes what the scheme signs ahead of the body, from what the request holds.
func (p *plan) looseHead(h Headers, st stamp) string {
	var deliveryID string
	if lines := h.Values(p.idName); p.signsID && len(lines) > 0 && len(lines[0]) <= contract.MaxIDLength {
		deliveryID = lines[0]
	}
	var head strings.Builder
	for _, s := range p.head {
		switch s.part {
		case timestamp:
			head.WriteString(st.text)
		case id:
			head.WriteString(deliveryID)
		default:
			head.WriteString(s.text)
		}
	}
	return head.String()
}

// addStamp adds a timestamp that is not there yet; two are enough.
func addStamp(stamps []stamp, text string) []stamp {
	if len(text) > maxStampText || len(stamps) == 2 || len(stamps) == 1 && stamps[0].text == text {
		return stamps
	}
	return append(stamps, readStamp(text))
}

// readStamp tells the form of a timestamp.
func readStamp(text string) stamp {
	n, err := strconv.ParseUint(text, 10, 50)
	switch {
	case err != nil:
		return stamp{text, TimestampOther, time.Time{}}
	case len(text) > contract.MaxTimestampDigits:
		return stamp{text, TimestampMilliseconds, time.UnixMilli(int64(n)).UTC()}
	}
	return stamp{text, TimestampSeconds, time.Unix(int64(n), 0).UTC()}
}

// TimestampOf returns the time that a request gives itself in one of the scheme's places, whatever its form. It is nobody's word
// and only for explanations.
func TimestampOf(s contract.Scheme, h Headers) (time.Time, bool) {
	p, err := compile(s)
	if err != nil {
		return time.Time{}, false
	}
	_, stamps := p.looseItems(h)
	if len(stamps) == 0 || stamps[0].time.IsZero() {
		return time.Time{}, false
	}
	return stamps[0].time, true
}

// age returns how old the timestamp is, or 0 where there is none that can be read.
func (st stamp) age(now time.Time) time.Duration {
	if st.time.IsZero() {
		return 0
	}
	return now.Sub(st.time)
}
