package signature

import (
	"crypto/sha256"
	"crypto/subtle"
	"slices"
	"time"

	"github.com/darihook/darihook/contract"
)

// The bounds of [Explain]. They keep a forged request from buying more work than a few verifications of a large body.
const (
	// MaxFindings is how many findings it returns at most.
	MaxFindings = 16
	// maxExplainSchemes is how many schemes it looks at.
	maxExplainSchemes = 32
	// maxExplainBytes is how many bytes it hashes: 25 bodies of the default limit, or 100,000 bodies of a kilobyte.
	maxExplainBytes = 25 * contract.MaxBody
	// maxExplainItems is how many values of the signature header it looks at.
	maxExplainItems = 2 * contract.MaxSignatures
)

// Explain says under which reading a request's signature would match: which of the schemes, which of the secrets, which
// bytes of the secret as the key, which encoding, and which change to the body. It looks for the smallest departure: the
// body and the key as they should be, then another key, then another body, then both; and ends with the first of these
// steps that explains the request. Within a step the findings have the order of the schemes. An empty answer means that
// none of the readings fits: another secret, a body that was changed otherwise, or a forgery.
//
// It serves to help people, and authenticates nothing: its tolerance would be a hole in a verifier. Schemes that do not
// pass [CheckScheme] are left out. A finding's Age is judged by now. The work is bounded, whatever the request.
func Explain(schemes []contract.Scheme, secrets []Secret, h Headers, body []byte, now time.Time) []Finding {
	e := &explainer{
		readings: readingsOf(schemes, h),
		secrets:  secrets[:min(len(secrets), MaxSecrets)],
		budget:   maxExplainBytes,
		sums:     map[probe][sha256.Size]byte{},
		now:      now,
	}
	own, changed := bodyForms[:1], bodyForms[1:]
	for _, step := range []struct {
		forms  []bodyForm
		choose keyChoice
	}{{own, onlyOwnKey}, {own, onlyOtherKeys}, {changed, onlyOwnKey}, {changed, onlyOtherKeys}} {
		if e.try(body, step.forms, step.choose); len(e.findings) > 0 {
			break
		}
	}
	return e.findings
}

// explainer is one run of Explain.
type explainer struct {
	readings []reading
	secrets  []Secret
	now      time.Time
	budget   int
	sums     map[probe][sha256.Size]byte
	findings []Finding
}

// probe names one signature to compute. Schemes that sign the same bytes share it.
type probe struct {
	head   string
	secret int
	key    KeyVariant
	prefix string
	body   BodyChange
}

// keyChoice picks the key variants of one step.
type keyChoice func(s contract.Scheme, k KeyVariant) bool

func onlyOwnKey(s contract.Scheme, k KeyVariant) bool    { return k == ownKey(s) }
func onlyOtherKeys(s contract.Scheme, k KeyVariant) bool { return k != ownKey(s) }

// try compares every reading of the request with some forms of its body and some keys.
func (e *explainer) try(body []byte, forms []bodyForm, choose keyChoice) {
	for _, form := range forms {
		if len(body) > e.budget {
			return
		}
		changed, ok := form.change(body)
		if !ok {
			continue
		}
		for i := range e.readings {
			for secret := range e.secrets {
				e.tryKeys(&e.readings[i], secret, form.name, changed, choose)
			}
		}
	}
}

// tryKeys compares one reading under one secret with one body.
func (e *explainer) tryKeys(r *reading, secret int, change BodyChange, body []byte, choose keyChoice) {
	for _, form := range keyForms {
		if !choose(r.scheme, form.name) {
			continue
		}
		prefix := prefixOf(r.scheme)
		key, ok := form.key(e.secrets[secret].reveal(), prefix)
		if !ok {
			continue
		}
		sum, ok := e.sum(probe{r.head, secret, form.name, prefix, change}, key, body)
		if !ok {
			return
		}
		e.compare(r, sum, Finding{
			Scheme: r.scheme.Name, Secret: secret, KeyForm: form.name, BodyChange: change,
			Timestamp: r.stamp.time, TimestampForm: r.stamp.form, Age: r.stamp.age(e.now),
		})
	}
}

// sum computes a signature within the budget, and reports whether there was enough of it left.
func (e *explainer) sum(p probe, key, body []byte) (sum [sha256.Size]byte, ok bool) {
	if sum, ok = e.sums[p]; ok {
		return sum, true
	}
	// Besides the bytes, each signature costs about as much as hashing four blocks.
	cost := len(p.head) + len(body) + 4*sha256.BlockSize
	if len(e.findings) == MaxFindings || cost > e.budget {
		return sum, false
	}
	e.budget -= cost
	st := newState(nil, [][]byte{key})
	st.write([]byte(p.head))
	st.write(body)
	st.macs[0].Sum(sum[:0])
	e.sums[p] = sum
	return sum, true
}

// compare adds a finding for the first item of the header that holds the signature.
func (e *explainer) compare(r *reading, sum [sha256.Size]byte, found Finding) {
	if len(e.findings) == MaxFindings || slices.ContainsFunc(e.findings, found.sameBytes) {
		return
	}
	for _, item := range r.items {
		for _, c := range item.decoded {
			if subtle.ConstantTimeCompare(c.sum[:], sum[:]) == 1 {
				found.Tag, found.Encoding = item.tag, c.name
				found.departures = found.departuresFrom(r.scheme)
				e.findings = append(e.findings, found)
				return
			}
		}
	}
}
