package contract

import (
	"cmp"
	"slices"
)

// ClauseID names a clause: an area and a number, such as SIG-003. Numbers are never reused and carry no order.
type ClauseID string

// Level is how strongly a clause binds, in the words of RFC 2119.
type Level string

// The levels.
const (
	Must   Level = "MUST"
	Should Level = "SHOULD"
	May    Level = "MAY"
)

// Certainty is how well a clause is known.
type Certainty string

// The certainties.
const (
	// Verified clauses were read in a vendor's document or client, or in a standard.
	Verified Certainty = "verified"
	// Inferred clauses follow from verified facts, but the public record does not say them. They are tested and
	// reported, and never decide alone whether an implementation conforms.
	Inferred Certainty = "inferred"
)

// Record is how well one provider's public record knows a clause that it shares with others.
type Record struct {
	Certainty Certainty
	// Source is where the rule was read, or what it was inferred from.
	Source string
}

// Area is the part of the contract that a clause belongs to; it is the part of the ClauseID before the hyphen.
type Area string

// The areas.
const (
	AreaSigning       Area = "SIG"
	AreaFreshness     Area = "TIME"
	AreaIdentity      Area = "ID"
	AreaDeduplication Area = "DUP"
	AreaDelivery      Area = "DLV"
	AreaConfiguration Area = "CFG"
	AreaEvents        Area = "EVT"
	AreaResults       Area = "RES"
	AreaGate          Area = "GATE"
)

// Role is a side of the contract that can be judged.
type Role string

// The roles.
const (
	// Receiver accepts deliveries.
	Receiver Role = "receiver"
	// Sender makes deliveries.
	Sender Role = "sender"
	// Config is the API by which a webhook is set up.
	Config Role = "config"
	// Gate stands in front of a receiver and owes all that a receiver owes.
	Gate Role = "gate"
)

// Clause is one rule of the contract. Which providers' contracts it stands in is told by [Provider.Clauses].
type Clause struct {
	ID        ClauseID  `json:"id"`
	Level     Level     `json:"level"`
	Certainty Certainty `json:"certainty"`
	// Roles are the sides that owe it.
	Roles []Role `json:"roles"`
	// Text is the rule in one or two sentences.
	Text string `json:"text"`
	// Source is where the rule was read, or what it was inferred from.
	Source string `json:"source"`
}

// Decides reports whether breaking the clause makes an implementation non-conformant.
func (c Clause) Decides() bool { return c.Level == Must && c.Certainty == Verified }

// Area returns the part of the contract that the clause belongs to.
func (c Clause) Area() Area {
	for i := range c.ID {
		if c.ID[i] == '-' {
			return Area(c.ID[:i])
		}
	}
	return ""
}

// areas are all of them, in the order in which clauses are listed.
var areas = []Area{
	AreaSigning, AreaFreshness, AreaIdentity, AreaDeduplication, AreaDelivery, AreaConfiguration, AreaEvents, AreaResults, AreaGate,
}

// group is clauses that stand in the same providers' contracts.
type group struct {
	// of names the providers. None: every one.
	of      []string
	clauses []Clause
}

// groups is every clause.
func groups() []group {
	return []group{
		{nil, slices.Concat(signing, freshness, identity, deduplication, delivery, gate)},
		{[]string{"dari", "danube", "tess"}, sending},
		{[]string{"dari", "danube"}, retrying},
		{[]string{"dari"}, slices.Concat(dariDelivery, dariConfiguration, dariEvents, results)},
		{[]string{"danube"}, slices.Concat(danubeDelivery, danubeConfiguration, danubeEvents)},
		{[]string{"tess"}, slices.Concat(tessDelivery, tessConfiguration, tessEvents)},
	}
}

// Clauses returns every clause of every provider, grouped by area.
func Clauses() []Clause {
	var all []Clause
	for _, g := range groups() {
		all = append(all, g.clauses...)
	}
	return byArea(all)
}

// byArea sorts clauses by their areas, and within an area by their numbers.
func byArea(clauses []Clause) []Clause {
	slices.SortFunc(clauses, func(a, b Clause) int {
		return cmp.Or(cmp.Compare(slices.Index(areas, a.Area()), slices.Index(areas, b.Area())), cmp.Compare(a.ID, b.ID))
	})
	return clauses
}

// Clauses returns the clauses of the provider's contract, grouped by area, each with the certainty and the source that this
// provider's record gives it. What is said of signatures and their time binds nobody where nothing is signed.
func (p Provider) Clauses() []Clause {
	var own []Clause
	for _, g := range groups() {
		if len(g.of) == 0 || slices.Contains(g.of, p.Name) {
			own = append(own, g.clauses...)
		}
	}
	own = slices.DeleteFunc(own, func(c Clause) bool {
		return p.Unsigned() && (c.Area() == AreaSigning || c.Area() == AreaFreshness)
	})
	for i, c := range own {
		if r, ok := p.Records[c.ID]; ok {
			own[i].Certainty, own[i].Source = r.Certainty, r.Source
		}
	}
	return byArea(own)
}

// ClauseFor returns the clause of an id as it stands in the provider's contract, and reports whether it does.
func (p Provider) ClauseFor(id ClauseID) (Clause, bool) {
	for _, c := range p.Clauses() {
		if c.ID == id {
			return c, true
		}
	}
	return Clause{}, false
}

// Owed returns the clauses of the provider's contract that bind a role.
func (p Provider) Owed(role Role) []Clause {
	return slices.DeleteFunc(p.Clauses(), func(c Clause) bool { return !slices.Contains(c.Roles, role) })
}

// ClauseFor returns the clause of an id and reports whether it exists. How well one provider's record knows it is told by
// [Provider.ClauseFor].
func ClauseFor(id ClauseID) (Clause, bool) {
	for _, c := range Clauses() {
		if c.ID == id {
			return c, true
		}
	}
	return Clause{}, false
}

// sides spells out who owes a clause.
func sides(roles ...Role) []Role { return roles }
