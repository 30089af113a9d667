package signature

import (
	"crypto/ed25519"
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
// pass [CheckScheme] are left out; [OtherContents] makes schemes to try where none of the provider's own explains a request. A finding's Age is judged by now. The work is bounded, whatever the request.
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
			signed := changed
			if e.readings[i].scheme.UnsignedBody {
				signed = nil
			}
			for secret := range e.secrets {
				e.tryKeys(&e.readings[i], secret, form.name, signed, choose)
			}
		}
	}
}

// tryKeys compares one reading under one secret with one body.
func (e *explainer) tryKeys(r *reading, secret int, change BodyChange, body []byte, choose keyChoice) {
	for _, form := range keyForms {
		// A public key has one form, and a shared secret none of a public key's.
		if !choose(r.scheme, form.name) || r.scheme.Algorithm == contract.Ed25519 && form.name != KeyDecoded {
			continue
		}
		prefix := prefixOf(r.scheme)
		key, ok := form.key(e.secrets[secret].reveal(), prefix)
		if !ok {
			continue
		}
		if r.scheme.Algorithm == contract.Ed25519 {
			e.tryPublic(r, secret, change, key, body)
			continue
		}
		sum, ok := e.sum(probe{r.head, secret, form.name, prefix, change}, key, body)
		if !ok {
			return
		}
		e.compare(r, e.finding(r, secret, form.name, change), func(c candidate) bool {
			return subtle.ConstantTimeCompare(c.sum, sum[:]) == 1
		})
	}
}

// finding describes one reading under one key and body.
func (e *explainer) finding(r *reading, secret int, key KeyVariant, change BodyChange) Finding {
	return Finding{
		Scheme: r.scheme.Name, Secret: secret, KeyForm: key, BodyChange: change,
		Timestamp: r.stamp.time, TimestampForm: r.stamp.form, Age: r.stamp.age(e.now),
	}
}

// curveCost is what checking one Ed25519 signature costs, in bytes hashed in the same time.
const curveCost = 128 << 10

// tryPublic compares one reading under a public key with one body.
func (e *explainer) tryPublic(r *reading, secret int, change BodyChange, key, body []byte) {
	if len(key) != ed25519.PublicKeySize {
		return
	}
	message := append([]byte(r.head), body...)
	e.compare(r, e.finding(r, secret, KeyDecoded, change), func(c candidate) bool {
		if len(c.sum) != ed25519.SignatureSize || e.budget < len(message)+curveCost {
			return false
		}
		e.budget -= len(message) + curveCost
		return ed25519.Verify(key, message, c.sum)
	})
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
	st := newState(nil, contract.HMACSHA256, [][]byte{key})
	st.write([]byte(p.head))
	st.write(body)
	st.macs[0].Sum(sum[:0])
	e.sums[p] = sum
	return sum, true
}

// compare adds a finding for the first item of the header that holds the signature.
func (e *explainer) compare(r *reading, found Finding, matches func(candidate) bool) {
	if len(e.findings) == MaxFindings || slices.ContainsFunc(e.findings, found.sameBytes) {
		return
	}
	for _, item := range r.items {
		for _, c := range item.decoded {
			if matches(c) {
				found.Tag, found.Encoding = item.tag, c.name
				found.departures = found.departuresFrom(r.scheme)
				e.findings = append(e.findings, found)
				return
			}
		}
	}
}
