package signature

import (
	"crypto/ed25519"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/darihook/darihook/contract"
)

// The reasons for which a message cannot be signed.
var (
	// ErrMessageTime refuses a time before 1970 or with more than [contract.MaxTimestampDigits] digits of seconds.
	ErrMessageTime = errors.New("the message's time is unset or cannot be written in 12 digits of seconds")
	// ErrMessageID refuses an id that a receiver would refuse, or none where the scheme signs it.
	ErrMessageID = errors.New("the message's id is not 1 to 255 visible characters without the template's separator")
	// ErrOneSecret refuses several secrets under a scheme whose header has room for one signature.
	ErrOneSecret = errors.New("the scheme's header holds one signature, so that there can be only one secret")
)

// SignerOptions say how a [Signer] signs.
type SignerOptions struct {
	// Scheme of the deliveries. It must pass [CheckScheme].
	Scheme contract.Scheme
	// Secrets that each give one signature, in order: from 1 to [MaxSecrets].
	Secrets []Secret
}

// Signer signs deliveries. It is safe for concurrent use.
type Signer struct {
	plan *plan
	keys [][]byte
}

// NewSigner returns a signer. Errors: [ErrScheme], [ErrNoSecret], [ErrTooManySecrets], [ErrEmptySecret],
// [ErrSecretEncoding], [ErrSecretKind] and [ErrOneSecret], wrapped.
func NewSigner(o SignerOptions) (*Signer, error) {
	plan, err := compile(o.Scheme)
	if err != nil {
		return nil, err
	}
	keys, err := keysOf(o.Secrets, o.Scheme, Secret.signingKey)
	if err != nil {
		return nil, err
	}
	if len(keys) > 1 && plan.ItemSeparator == "" {
		return nil, ErrOneSecret
	}
	return &Signer{plan, keys}, nil
}

// Message is one delivery to be signed.
type Message struct {
	// ID of the delivery. It may be empty where the scheme does not sign it; the id header is then left out.
	ID string
	// Time of the attempt; what is below a second is cut off. A scheme without timestamps ignores it.
	Time time.Time
	// Body is the exact bytes that will be sent.
	Body []byte
}

// Field is one header field.
type Field struct{ Name, Value string }

// Sign returns the fields that the delivery is sent with: the signature header, with the timestamp first and then one
// value for each secret, and the timestamp and id headers where the scheme has them. Errors: [ErrMessageTime],
// [ErrMessageID].
func (s *Signer) Sign(m Message) ([]Field, error) {
	p := s.plan
	seconds := m.Time.Unix()
	if p.timed() && (seconds < 0 || len(strconv.FormatInt(seconds, 10)) > contract.MaxTimestampDigits) {
		return nil, ErrMessageTime
	}
	if (p.signsID || m.ID != "") && p.idName != "" && !p.isID(m.ID) {
		return nil, ErrMessageID
	}
	fields := []Field{{p.Header, s.header(m, seconds)}}
	if p.TimestampHeader != "" {
		fields = append(fields, Field{p.TimestampHeader, strconv.FormatInt(seconds, 10)})
	}
	if p.IDHeader != "" && m.ID != "" {
		fields = append(fields, Field{p.IDHeader, m.ID})
	}
	return fields, nil
}

// header writes the signature header.
func (s *Signer) header(m Message, seconds int64) string {
	p := s.plan
	var items []string
	if p.TimestampTag != "" {
		items = append(items, p.TimestampTag+p.TagSeparator+strconv.FormatInt(seconds, 10))
	}
	for _, sum := range s.sums(m, seconds) {
		items = append(items, p.Tag+p.TagSeparator+encode(sum, p.Encoding))
	}
	return strings.Join(items, p.ItemSeparator)
}

// sums computes the signatures, one for each key.
func (s *Signer) sums(m Message, seconds int64) (sums [][]byte) {
	message := s.plan.appendHead(nil, seconds, m.ID)
	if s.plan.signsBody {
		message = append(message, m.Body...)
	}
	if s.plan.Algorithm == contract.Ed25519 {
		for _, key := range s.keys {
			sums = append(sums, ed25519.Sign(key, message))
		}
		return sums
	}
	st := newState(nil, s.plan.Algorithm, s.keys)
	st.write(message)
	for _, mac := range st.macs {
		sums = append(sums, mac.Sum(nil))
	}
	return sums
}
