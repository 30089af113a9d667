package signature

import (
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/darihook/darihook/contract"
)

// HeaderHint names a departure from a scheme that shows in a request's header alone, so that neither a key nor the body is
// needed to see it. It holds nothing that the request says.
type HeaderHint string

// The header hints.
const (
	HintMilliseconds HeaderHint = "the timestamp is in milliseconds; the scheme has seconds"
	HintFiner        HeaderHint = "the timestamp is in microseconds or nanoseconds; the scheme has seconds"
	HintFraction     HeaderHint = "the timestamp has a fraction; the scheme has whole seconds"
	HintDate         HeaderHint = "the timestamp is a date; the scheme has seconds since 1970"
	HintBlank        HeaderHint = "the signature header has a blank beside a separator, as in \"t=…, v1=…\"; the scheme has none"
	HintBase64       HeaderHint = "the signature is in base64; the scheme has lower-case hex"
	HintUpperHex     HeaderHint = "the signature is in hex with capitals; the scheme has lower-case hex"
	HintHex          HeaderHint = "the signature is in hex; the scheme has base64"
	HintSHA1         HeaderHint = "the signature is SHA-1 (sha1=), which is not accepted; have the sender sign with SHA-256"
	HintSHA512       HeaderHint = "the signature is longer than SHA-256's, such as SHA-512; have the sender sign with SHA-256"
	HintTag          HeaderHint = "the signature has another tag than the scheme's"
	HintSvix         HeaderHint = "the request has svix-* headers, the older names of webhook-*; provider custom takes them (docs/providers.md)"
)

// hintOtherProvider begins the hint on a header of another provider, whose name follows.
const hintOtherProvider = "the request is signed as those of another provider are: provider "

// HeaderHints tells by the header alone in what a request departs from a scheme: it is for requests that are refused before
// a signature can be compared. It authenticates nothing. An empty answer means that nothing was recognised.
func HeaderHints(s contract.Scheme, h Headers) []HeaderHint {
	p, err := compile(s)
	if err != nil {
		return nil
	}
	var found hints
	lines := h.Values(p.signatureName)
	for _, line := range lines[:min(len(lines), 2)] {
		p.hintLine(&found, line[:min(len(line), contract.MaxSignatureHeader)])
	}
	if p.timestampName != "" {
		for _, text := range h.Values(p.timestampName) {
			found.add(hintStamp(text))
		}
	}
	if len(lines) == 0 {
		found.add(hintElsewhere(p, h))
	}
	return found
}

// hints are different hints in the order in which they were found.
type hints []HeaderHint

func (f *hints) add(hint HeaderHint) {
	if hint != "" && !slices.Contains(*f, hint) {
		*f = append(*f, hint)
	}
}

// hintLine looks at one line of the signature header.
func (p *plan) hintLine(found *hints, line string) {
	if p.Tag == "" {
		found.add(hintBlank(line))
		found.add(p.hintValue(strings.TrimSpace(line)))
		return
	}
	tagged, otherwise := false, false
	for more, items := true, 0; more && items < contract.MaxSignatures; items++ {
		var item string
		item, line, more = p.cutItem(line)
		found.add(hintBlank(item))
		tag, value := p.looseTag(strings.TrimSpace(item))
		switch {
		case tag != "" && tag == p.TimestampTag:
			found.add(hintStamp(value))
		case strings.EqualFold(tag, "sha1"):
			found.add(HintSHA1)
		case tag == p.Tag:
			tagged = true
			found.add(p.hintValue(value))
		default:
			otherwise = otherwise || p.sized(value)
		}
	}
	if otherwise && !tagged {
		found.add(HintTag)
	}
}

// sized reports whether a value is as long as a signature of the scheme, in any encoding.
func (p *plan) sized(value string) bool {
	for _, c := range decodeVariants(value) {
		if len(c.sum) == p.Algorithm.Size() {
			return true
		}
	}
	return false
}

func hintBlank(item string) HeaderHint {
	if strings.TrimSpace(item) != item {
		return HintBlank
	}
	return ""
}

// hintStamp tells the form of a timestamp that is not in seconds.
func hintStamp(text string) HeaderHint {
	switch whole, _, fraction := strings.Cut(text, "."); {
	case len(text) > maxStampText || text == "":
		return ""
	case fraction && areDigits(whole):
		return HintFraction
	case areDigits(text) && len(text) > contract.MaxTimestampDigits:
		if len(text) == len("1767225600000") {
			return HintMilliseconds
		}
		return HintFiner
	}
	for _, layout := range []string{time.RFC3339Nano, time.RFC1123, time.RFC1123Z, time.DateTime} {
		if _, err := time.Parse(layout, text); err == nil {
			return HintDate
		}
	}
	return ""
}

func areDigits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

// The lengths in bytes of hashes that are not the scheme's.
const (
	sizeSHA1   = 20
	sizeSHA512 = 64
)

// hintValue tells in which encoding a signature is written, or which hash it has, where it is not the scheme's.
func (p *plan) hintValue(value string) HeaderHint {
	sum, err := hex.DecodeString(value)
	isHex := err == nil && len(sum) > 0
	if !isHex {
		if sum, err = base64.StdEncoding.DecodeString(value); err != nil {
			return ""
		}
	}
	switch size := p.Algorithm.Size(); {
	case len(sum) == sizeSHA1 && isHex:
		return HintSHA1
	case len(sum) == sizeSHA512 && size != sizeSHA512:
		return HintSHA512
	case len(sum) != size:
		return ""
	case isHex && p.Encoding == contract.Base64:
		return HintHex
	case !isHex && p.Encoding == contract.Hex:
		return HintBase64
	case isHex && strings.ToLower(value) != value:
		return HintUpperHex
	}
	return ""
}

// hintElsewhere looks for the signature under another name than the scheme's.
func hintElsewhere(p *plan, h Headers) HeaderHint {
	if len(h.Values("Svix-Signature")) > 0 {
		return HintSvix
	}
	for _, other := range contract.Providers() {
		for _, s := range other.Schemes() {
			if name := canonicalName(s.Header); name != p.signatureName && len(h.Values(name)) > 0 {
				return HeaderHint(hintOtherProvider + other.Name)
			}
		}
	}
	if len(h.Values("X-Hub-Signature")) > 0 {
		return HintSHA1
	}
	return ""
}
