package conformance

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/fixtures"
)

// vectorMargin is how far from the edge of the freshness window a vector must be, since it takes time to be sent.
const vectorMargin = 10 * time.Second

// vectors are the specs made of vectors. They are made once.
var vectors = sync.OnceValue(vectorSpecs)

// vectorSpecs makes a spec of every vector: it is sent as it stands, but at the present time, under the secrets of the
// run and with an id that no other run has.
func vectorSpecs() []Spec {
	vectors, err := fixtures.Vectors()
	if err != nil {
		panic(fmt.Sprintf("the embedded vectors: %v", err)) // the fixtures' own tests rule it out
	}
	var specs []Spec
	for _, v := range vectors {
		clause := vectorClause(v)
		c, _ := contract.ClauseFor(clause)
		roles := slices.DeleteFunc(slices.Clone(takers), func(r contract.Role) bool { return !slices.Contains(c.Roles, r) })
		if len(roles) == 0 {
			continue
		}
		specs = append(specs, Spec{
			Clause: clause, Roles: roles, Name: "vector " + v.Name + ": " + strings.TrimSuffix(v.Summary, "."),
			fits:  func(s *session) bool { return v.Provider == s.provider.Name && v.Scheme == s.scheme },
			needs: func(s *session) skip { return s.replays(v) },
			run:   func(ctx context.Context, p *probe) { p.replay(ctx, v) },
		})
	}
	return specs
}

// vectorClause is the clause that a vector tests on those who take deliveries. Where its own binds senders alone, what is
// accepted shows that right deliveries are.
func vectorClause(v fixtures.Vector) contract.ClauseID {
	c, _ := contract.ClauseFor(v.Clause)
	if v.Expect.Verdict == fixtures.Accept && !slices.Contains(c.Roles, contract.Receiver) && !slices.Contains(c.Roles, contract.Gate) {
		return "SIG-001"
	}
	return v.Clause
}

// replays says why a vector cannot be sent in this session.
func (s *session) replays(v fixtures.Vector) skip {
	past, future := v.Tolerance.Window()
	switch {
	case past != 0 || future != 0 || v.MaxBody != 0:
		return applies(false, "the vector is for a target with other limits")
	case s.cfg.Past != contract.DefaultPast || s.cfg.Future != contract.DefaultFuture:
		return applies(false, "the vectors are for the default freshness window")
	case atEdge(v, s.scheme):
		return applies(false, "the vector is at the very edge of the window, which the time on the way blurs")
	case !strings.HasPrefix(v.Secrets[0], s.scheme.KeyPrefix):
		return applies(false, "the vector is for a secret without the prefix")
	case v.Request.Method != http.MethodPost && s.cfg.Role != contract.Gate:
		return applies(false, "methods are a gate's matter")
	case v.Clause == "ID-003" && s.cfg.Role != contract.Gate:
		return applies(false, "a receiver may ignore the id header as well as refuse it")
	}
	return given(len(v.Secrets) == 1 || s.cfg.SecondSecret != "", "--second-secret was not given")
}

// atEdge reports whether one of the vector's timestamps is about as old or as new as the window allows.
func atEdge(v fixtures.Vector, s contract.Scheme) bool {
	for _, ts := range vectorTimes(v, s) {
		n, err := strconv.ParseInt(ts, 10, 64)
		if err != nil {
			continue
		}
		age := v.Now.Sub(time.Unix(n, 0))
		if (age-contract.DefaultPast).Abs() < vectorMargin || (age+contract.DefaultFuture).Abs() < vectorMargin {
			return true
		}
	}
	return false
}

// vectorTimes are the timestamps in a vector's headers, as they are written.
func vectorTimes(v fixtures.Vector, s contract.Scheme) []string {
	var all []string
	for _, value := range v.Request.Values(s.Header) {
		for _, part := range split(value, s.ItemSeparator) {
			tag, ts, found := strings.Cut(part, s.TagSeparator)
			if found && s.TimestampTag != "" && strings.TrimSpace(tag) == s.TimestampTag {
				all = append(all, strings.TrimSpace(ts))
			}
		}
	}
	if s.TimestampHeader != "" {
		all = append(all, v.Request.Values(s.TimestampHeader)...)
	}
	return all
}

// replay sends a vector and expects what it says.
func (p *probe) replay(ctx context.Context, v fixtures.Vector) {
	m := p.translated(v)
	a := p.send(ctx, m)
	if v.Expect.Verdict == fixtures.Accept {
		p.tally.right(a)
	} else {
		p.tally.wrong(a)
	}
	switch {
	case v.Expect.Verdict == fixtures.Accept && !a.success():
		p.fail("2xx: "+v.Summary, "%s", a)
	case v.Expect.Verdict == fixtures.Refuse && !a.refusal():
		p.fail("4xx: "+v.Summary, "%s", a)
	}
}

// The parts of a body that belong to the run: where results go, when the event happened, and what it is about.
var (
	otherIDs     = regexp.MustCompile(`\b(?:sess|msg|call|batch)_[0-9A-Za-z]*[0-9][0-9A-Za-z]*\b`)
	submitField  = regexp.MustCompile(`"submit_url":\s*"[^"]*"`)
	createdField = regexp.MustCompile(`"created_at":\s*"([^"]*)"`)
)

// translated moves a vector to the present time, the target's secrets and an id of its own.
func (p *probe) translated(v fixtures.Vector) message {
	shift := time.Since(v.Now)
	old, id := vectorID(v, p.scheme), p.name("evt_")
	body := submitField.ReplaceAll(v.Request.Body, []byte(`"submit_url":"`+p.base+`/v1/sessions/sess_vector/events"`))
	body = createdField.ReplaceAllFunc(body, func(field []byte) []byte { return shiftedField(field, shift) })
	body = otherIDs.ReplaceAllFunc(body, func(found []byte) []byte {
		kind, _, _ := strings.Cut(string(found), "_")
		return []byte(p.name(kind + "_"))
	})
	if old != "" {
		body = bytes.ReplaceAll(body, []byte(old), []byte(id))
	}
	swap := p.swaps(v, shift, old, id, body)
	m := message{method: v.Request.Method, url: p.cfg.Target, header: http.Header{}, body: body}
	for _, h := range v.Request.Headers {
		name := http.CanonicalHeaderKey(h[0])
		if name != "Content-Length" && name != "Host" && name != "Transfer-Encoding" && name != "Connection" {
			m.header[name] = append(m.header[name], swap.Replace(h[1]))
		}
	}
	return m
}

// vectorID is the id of a vector, or nothing where an id could not be told from other text.
func vectorID(v fixtures.Vector, s contract.Scheme) string {
	id := v.Expect.ID
	if values := v.Request.Values(s.IDHeader); s.IDHeader != "" && len(values) > 0 {
		id = values[0]
	}
	if len(id) < 12 || len(id) > 64 {
		return ""
	}
	return id
}

// shiftedField moves the time of a created_at field. What is no time stays.
func shiftedField(field []byte, shift time.Duration) []byte {
	text := createdField.FindSubmatch(field)[1]
	at, err := time.Parse(time.RFC3339, string(text))
	if err != nil {
		return field
	}
	return bytes.Replace(field, text, []byte(at.Add(shift).UTC().Format(time.RFC3339)), 1)
}

// swaps are the replacements in a vector's headers: its right signatures, its timestamps and its id.
func (p *probe) swaps(v fixtures.Vector, shift time.Duration, old, id string, body []byte) *strings.Replacer {
	var pairs []string
	times := vectorTimes(v, p.scheme)
	for i, secret := range v.Secrets[:min(2, len(v.Secrets))] {
		mine := []string{p.cfg.Secret, p.cfg.SecondSecret}[i]
		for _, ts := range append(times, "") {
			before := signature(p.scheme, secret, old, ts, v.Request.Body)
			pairs = append(pairs, before, signature(p.scheme, mine, idFor(old, id), shifted(ts, shift), body))
		}
	}
	for _, ts := range times {
		if now := shifted(ts, shift); now != ts {
			pairs = append(pairs, ts, now)
		}
	}
	if old != "" {
		pairs = append(pairs, old, id)
	}
	return strings.NewReplacer(pairs...)
}

// idFor is the new id where the vector has one.
func idFor(old, id string) string {
	if old == "" {
		return ""
	}
	return id
}

// shifted moves a timestamp that is written plainly. Others are left as they are.
func shifted(ts string, shift time.Duration) string {
	at, plain := seconds(ts)
	if !plain || len(ts) != 10 {
		return ts
	}
	return stamp(at.Add(shift))
}
