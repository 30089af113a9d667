package contract

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

// Clause is one rule of the contract.
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

// Clauses returns every clause, grouped by area.
func Clauses() []Clause {
	var all []Clause
	for _, area := range [][]Clause{
		signing, freshness, identity, deduplication, delivery, configuration, events, results, gate,
	} {
		all = append(all, area...)
	}
	return all
}

// ClauseFor returns the clause of an id and reports whether it exists.
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
