package conformance

import (
	"context"
	"slices"
	"time"
)

// rotationSpecs test what a sender does with its secrets: clauses DLV-009 and DLV-010.
var rotationSpecs = []Spec{
	{Clause: "DLV-009", Name: "signs with both secrets during the overlap", Roles: senders, alone: true, needs: overlap, run: signsWithBoth},
	{Clause: "DLV-010", Name: "signs with the new secret alone after a rotation", Roles: senders, alone: true, run: signsWithNew},
}

func overlap(s *session) skip {
	return applies(s.cfg.RotationOverlap > 0, "the sender rotates without an overlap; --rotation-overlap tells otherwise")
}

// rotate replaces the secret and returns the old one.
func (p *probe) rotate(ctx context.Context) string {
	old := p.sending.secret
	w := p.read(p.call(ctx, "POST", webhookPath(p.cfg.Agent)+"/rotate-secret", nil), "rotate-secret")
	if w.secret() == "" || w.secret() == old {
		p.cannotTell("rotate-secret shows no new secret, which clause CFG-006 asks for")
	}
	p.sending.secret = w.secret()
	return old
}

// signers reports which of the secrets signed an attempt.
func (p *probe) signers(a *arrival, secrets ...string) []bool {
	signed := make([]bool, len(secrets))
	for i, secret := range secrets {
		_, signed[i] = p.identify(a, secret)
	}
	return signed
}

func signsWithBoth(ctx context.Context, p *probe) {
	e := p.endpoint(ctx, ok)
	old := p.rotate(ctx)
	p.trigger(ctx, p.workType(), nil)
	a := p.first(ctx, e)
	if s := p.signers(a, old, p.sending.secret); slices.Contains(s, false) {
		p.fail("signatures under the old and the new secret", "under the old one: %t, under the new one: %t", s[0], s[1])
	}
}

func signsWithNew(ctx context.Context, p *probe) {
	e := p.endpoint(ctx, ok)
	old := p.rotate(ctx)
	if p.cfg.RotationOverlap > 0 {
		p.outlast(ctx, p.cfg.RotationOverlap)
	}
	p.trigger(ctx, p.workType(), nil)
	a := p.first(ctx, e)
	s := p.signers(a, old, p.sending.secret)
	if !s[0] && !s[1] {
		p.cannotTell("the delivery is signed under neither secret, which clause SIG-001 asks for")
	}
	if s[0] || !s[1] {
		p.fail("a signature under the new secret alone", "under the old one: %t, under the new one: %t", s[0], s[1])
	}
}

// outlast lets a time pass for the sender.
func (p *probe) outlast(ctx context.Context, d time.Duration) {
	switch {
	case p.cfg.Advance != "":
		p.advance(ctx, d+time.Minute)
	case p.cfg.TimeScale > 1:
		pause(ctx, time.Duration(float64(d)/p.cfg.TimeScale)+p.cfg.Settle)
	default:
		p.cannotTell("the overlap of %s cannot be waited for: give --advance or --time-scale", d)
	}
}
