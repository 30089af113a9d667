package caddymodule

import (
	"cmp"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/gate"
	"github.com/darihook/darihook/signature"
)

// The bounds of a history.
const (
	keptHints = 4
	keptSkews = 16
	// skewPause is how long after one request the next is compared with the clock.
	skewPause = time.Second
)

// history is what a gate remembers of the requests since its configuration was loaded, for whoever asks what is wrong. It
// holds nothing that a request says but its time.
type history struct {
	verifiedAt atomic.Int64 // of the last verified delivery that was compared with the clock, in nanoseconds since 1970

	mu       sync.Mutex
	refusals map[contract.Code]pastRefusals
	hints    []pastHint
	signed   []time.Duration // how far verified deliveries were behind the clock
	unsigned []time.Duration // how far other requests were: anyone can send these

	unsignedAt time.Time // when one of those was compared last
}

// pastRefusals are the refusals of one code.
type pastRefusals struct {
	Code  contract.Code `json:"code"`
	Title string        `json:"title"`
	Count uint64        `json:"count"`
	Last  time.Time     `json:"last"`
}

// pastHint is a line of the log that explains refusals.
type pastHint struct {
	At       time.Time     `json:"at"`
	Code     contract.Code `json:"code"`
	Findings []string      `json:"findings"`
}

// verdict remembers the verdict on a request.
func (p *history) verdict(r *http.Request, v gate.Verdict, scheme contract.Scheme, now time.Time) {
	if v.Verified {
		p.verified(r, v, scheme, now)
	}
	if v.Code == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refusals == nil {
		p.refusals = make(map[contract.Code]pastRefusals)
	}
	past := p.refusals[v.Code]
	past.Count, past.Last = past.Count+1, now
	p.refusals[v.Code] = past
	dated := v.Code == contract.CodeTimestampStale || v.Code == contract.CodeTimestampFuture
	if dated && now.Sub(p.unsignedAt) >= skewPause {
		p.unsignedAt = now
		if stamp, ok := signature.TimestampOf(scheme, r.Header); ok {
			keep(&p.unsigned, now.Sub(stamp), keptSkews)
		}
	}
}

// verified compares a verified delivery with the clock, now and then: by its signed timestamp, or else by the field Date.
func (p *history) verified(r *http.Request, v gate.Verdict, scheme contract.Scheme, now time.Time) {
	if last := p.verifiedAt.Load(); now.UnixNano()-last < int64(skewPause) || !p.verifiedAt.CompareAndSwap(last, now.UnixNano()) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if scheme.Content.Signs("timestamp") {
		keep(&p.signed, now.Sub(v.Delivery.Time), keptSkews)
	} else if date, err := http.ParseTime(r.Header.Get("Date")); err == nil {
		keep(&p.unsigned, now.Sub(date), keptSkews)
	}
}

// hinted remembers a line of the log that explains refusals.
func (p *history) hinted(code contract.Code, findings []string, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	keep(&p.hints, pastHint{now, code, findings}, keptHints)
}

// keep appends to the last values of a kind.
func keep[T any](kept *[]T, value T, most int) {
	if len(*kept) == most {
		*kept = slices.Delete(*kept, 0, 1)
	}
	*kept = append(*kept, value)
}

// past lists the refusals, the latest first, and the hints.
func (p *history) past() (refusals []pastRefusals, hints []pastHint) {
	p.mu.Lock()
	defer p.mu.Unlock()
	refusals = []pastRefusals{}
	for code, past := range p.refusals {
		refusal, _ := contract.RefusalFor(code)
		past.Code, past.Title = code, refusal.Title
		refusals = append(refusals, past)
	}
	slices.SortFunc(refusals, func(a, b pastRefusals) int { return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.Code, b.Code)) })
	return refusals, append([]pastHint{}, p.hints...)
}

// skew is how far the times of senders are behind the clock of this machine; ahead of it where negative. It is the median, so
// that single retries and slow networks do not count.
type skew struct {
	Seconds float64 `json:"seconds"`
	Samples int     `json:"samples"`
	// Signed tells that the times were signed. Others are anyone's word.
	Signed bool `json:"signed"`
}

// skewed returns the skew, or nil where no request told a time.
func (p *history) skewed() *skew {
	p.mu.Lock()
	defer p.mu.Unlock()
	samples := slices.Clone(p.signed)
	if len(samples) == 0 {
		samples = slices.Clone(p.unsigned)
	}
	if len(samples) == 0 {
		return nil
	}
	slices.Sort(samples)
	return &skew{samples[len(samples)/2].Round(10 * time.Millisecond).Seconds(), len(samples), len(p.signed) > 0}
}
