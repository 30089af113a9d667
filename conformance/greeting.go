package conformance

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/darihook/darihook/contract"
)

// greeting is the first delivery of a run, and how it was answered.
type greeting struct {
	*delivery
	answer
	began time.Time
}

// greet sends a delivery that is right in every way. It finds out what the target is, before any spec can be wrong about
// it: whether something answers, how it reads the contract, and how many deliveries it takes at a time.
func (s *session) greet(ctx context.Context) (greeting, error) {
	if err := s.reach(ctx, s.cfg.Target); err != nil {
		return greeting{}, err
	}
	p := &probe{session: s}
	g := greeting{delivery: p.delivery(s.workType()), began: time.Now()}
	g.answer = exchange(ctx, s.client, p.signed(g.delivery))
	if g.refusal() {
		return g, p.recognise(ctx, g.answer)
	}
	s.cfg.Patience = max(s.cfg.Patience, 3*g.took)
	p.pace(ctx, g.took)
	return g, nil
}

// pace lets the specs run one after another where a target that takes its time takes one delivery at a time, since it could
// not answer several at once in time. On a busy machine one look may show either of a target that has neither, so it looks
// again.
func (p *probe) pace(ctx context.Context, took time.Duration) {
	const looks = 2
	for range looks {
		if p.cfg.Parallel == 1 || time.Duration(p.cfg.Parallel)*took < p.cfg.Timeout/2 {
			return
		}
		took = min(took, exchange(ctx, p.client, p.signed(p.delivery(p.workType()))).took)
	}
	for range looks {
		if !p.inTurn(ctx, took) {
			return
		}
	}
	p.cfg.Parallel = 1
	p.finding = fmt.Sprintf("the target takes %s for a delivery, and one at a time: the specs ran one after another",
		took.Round(10*time.Millisecond))
}

// inTurn reports whether of three deliveries that are sent at once each is answered later than the one before by most of what one
// takes alone.
func (p *probe) inTurn(ctx context.Context, alone time.Duration) bool {
	var trials [3]<-chan answer
	for i := range trials {
		trials[i] = p.background(ctx, p.signed(p.delivery(p.workType())))
	}
	var each [3]time.Duration
	for i, trial := range trials {
		each[i] = (<-trial).took
	}
	slices.Sort(each[:])
	apart := alone * 3 / 5
	return each[1]-each[0] > apart && each[2]-each[1] > apart
}

// reading is another way to sign a delivery, as whoever wrote the target may have read the contract.
type reading struct {
	// how says what is other about it.
	how string
	// remedy is the option that makes a run sign so. Empty: there is none, and the target is wrong.
	remedy string
	// signed is a delivery that is signed so.
	signed func(*delivery) message
}

// recognise finds out how a target reads the contract that has refused a delivery in the way of this run. Where the public
// record leaves that reading open and the scheme was not chosen by the person who started the run, there is nothing to
// judge yet: the error says how to choose it.
func (p *probe) recognise(ctx context.Context, refusal answer) error {
	for _, r := range p.readings() {
		d := p.delivery(p.workType())
		if !exchange(ctx, p.client, r.signed(d)).success() {
			continue
		}
		text := fmt.Sprintf("the target refuses a delivery in the way of the scheme %s (%s) and accepts one %s", p.scheme.Name, refusal, r.how)
		if r.remedy == "" {
			p.finding = text
			return nil
		}
		p.finding = text + ": " + r.remedy + " judges it by that"
		if clause, _ := p.provider.ClauseFor("SIG-004"); p.cfg.Scheme == "" && clause.Certainty == contract.Inferred {
			return fmt.Errorf("%s, which the public record leaves open: repeat the run with %s", text, r.remedy)
		}
		return nil
	}
	return nil
}

// readings are the ways that are tried, those that are a choice of the run before those that are mistakes.
func (p *probe) readings() []reading {
	var all []reading
	for _, s := range p.provider.Schemes() {
		if s != p.scheme {
			all = append(all, reading{"of the scheme " + s.Name, "--scheme " + s.Name, p.by(s)})
		}
	}
	all = append(all, p.spellings()...)
	return append(all, p.mistakes()...)
}

// by signs deliveries by another scheme.
func (p *probe) by(s contract.Scheme) func(*delivery) message {
	return func(d *delivery) message {
		ts := stamp(time.Now())
		return p.headedBy(s, d, ts, signature(s, p.cfg.Secret, d.id, ts, d.body))
	}
}

// spellings are the scheme of this run with another encoding, or another key of the same secret.
func (p *probe) spellings() []reading {
	const file = "--scheme and a file with the scheme in which "
	encoded, keyed := p.scheme, p.scheme
	encoded.Encoding = contract.Base64
	if p.scheme.Encoding == contract.Base64 {
		encoded.Encoding = contract.Hex
	}
	all := []reading{{
		"whose signature is in " + string(encoded.Encoding), file + `"encoding" is "` + string(encoded.Encoding) + `"`, p.by(encoded),
	}}
	text := strings.TrimPrefix(p.cfg.Secret, p.scheme.KeyPrefix)
	if _, err := base64.StdEncoding.DecodeString(text); err == nil && p.scheme.KeyForm == contract.KeyWhole {
		keyed.KeyForm = contract.KeyBase64
		all = append(all, reading{"whose key is the secret decoded from base64", file + `"key_form" is "` + string(contract.KeyBase64) + `"`, p.by(keyed)})
	}
	return all
}

// mistakes are readings that no scheme has.
func (p *probe) mistakes() []reading {
	now := func() string { return stamp(time.Now()) }
	under := func(secret string) func(*delivery) message {
		return func(d *delivery) message { ts := now(); return p.headed(d, ts, p.sign(d, ts, secret)) }
	}
	all := []reading{
		{"whose signature is in upper case", "", func(d *delivery) message {
			ts := now()
			return p.headed(d, ts, strings.ToUpper(p.sign(d, ts, p.cfg.Secret)))
		}},
		{"whose timestamp is in milliseconds", "", func(d *delivery) message {
			return p.signedAt(d, strconv.FormatInt(time.Now().UnixMilli(), 10))
		}},
		{"signed over JSON that was parsed and written again", "", func(d *delivery) message {
			ts := now()
			return p.headed(d, ts, p.sign(d.with(spaced(d.body)), ts, p.cfg.Secret))
		}},
		{"signed with the empty secret", "", under("")},
	}
	if cut, found := strings.CutPrefix(p.cfg.Secret, p.scheme.KeyPrefix); found && p.scheme.KeyPrefix != "" {
		all = append(all, reading{"signed with the secret without its prefix " + p.scheme.KeyPrefix, "", under(cut)})
	}
	return all
}
