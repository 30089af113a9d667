package contract

import "time"

// Provider is one platform.
type Provider struct {
	// Name identifies the provider in configuration: "dari".
	Name string
	// Title is the name that people read: "Dari".
	Title string
	// Methods are the HTTP methods of deliveries.
	Methods []string
	// Scheme signs the deliveries by default. Zero: the platform signs nothing (see Unsigned).
	Scheme Scheme
	// Candidates are the other schemes that the public record leaves possible. They serve to explain a mismatch and
	// are never accepted unless configured, or unless the secret's prefix says that it belongs to one of them.
	Candidates []Scheme
	// Envelope says where things are in the body.
	Envelope Envelope
	// Challenge is the request by which the platform makes sure of an endpoint. Zero: there is none.
	Challenge Challenge
	// ChooseTTL tells that whoever deduplicates must say for how long: nothing in a delivery tells a copy from a second
	// event that says the same, and how long the platform retries is not known.
	ChooseTTL bool
	// Events are the event types that the platform sends. Empty: they are the platform's own affair.
	Events []Event
	// Delivery says how the platform delivers. Zero: it is not known.
	Delivery Delivery
	// Records are the shared clauses that the platform's public record knows better, or less well, than the clause itself
	// says. See [Provider.Clauses].
	Records map[ClauseID]Record
}

// Unsigned reports whether the platform signs nothing, so that only a secret in the endpoint's URL can tell its deliveries
// from anybody's.
func (p Provider) Unsigned() bool { return p.Scheme == Scheme{} }

// Challenge is a signed delivery that asks for an answer instead of announcing an event: a body whose field TypePath holds
// TypeValue is answered with what stands at AnswerPath. The paths are as those of [Envelope].
type Challenge struct {
	TypePath, TypeValue, AnswerPath string
}

// Envelope names the fields that every delivery's body has. A path is a top-level name, or the name of an object at the
// top, a full stop and a name in it; such paths all lead into one object, which is data with most platforms.
type Envelope struct {
	// ID is the path of the delivery's id. Empty: the body has none, and the delivery is known by the signed id header
	// where the scheme has one, and by a hash of its body elsewhere.
	ID string
	// Type is the path of the event type. Empty: there is none.
	Type string
	// Time is the path of the event's time, RFC 3339. Empty: there is none.
	Time string
	// Session, Batch and Agent are the paths of the ids of what the event is about. Empty: there is none.
	Session, Batch, Agent string
	// AnyBody tells that some of the platform's bodies are of another form than the others, such as a web form. They are
	// taken too, and are known by their hash where they have no id.
	AnyBody bool
}

// Event is one event type.
type Event struct {
	Type string
	// Summary says when the event happens, in one sentence.
	Summary string
	// Required are the fields of data that the event always has.
	Required []string
	// Default tells whether a subscription that names no types includes this one.
	Default bool
}

// Delivery is how a platform delivers.
type Delivery struct {
	// Timeout of one attempt.
	Timeout time.Duration
	// Schedule is the pause before each attempt, the first included; its length is the number of attempts.
	Schedule []time.Duration
}

// Schemes returns the provider's schemes, the default first; none where it signs nothing.
func (p Provider) Schemes() []Scheme {
	if p.Unsigned() {
		return nil
	}
	return append([]Scheme{p.Scheme}, p.Candidates...)
}

// SchemeNames returns the names of the provider's schemes, the default first.
func (p Provider) SchemeNames() (names []string) {
	for _, s := range p.Schemes() {
		names = append(names, s.Name)
	}
	return names
}

// SchemeFor returns the provider's scheme of that name and reports whether it has one.
func (p Provider) SchemeFor(name string) (Scheme, bool) {
	for _, s := range p.Schemes() {
		if s.Name == name {
			return s, true
		}
	}
	return Scheme{}, false
}

// SchemeSigning returns the provider's first scheme with that template and reports whether it has one.
func (p Provider) SchemeSigning(content Content) (Scheme, bool) {
	for _, s := range p.Schemes() {
		if s.Content == content {
			return s, true
		}
	}
	return Scheme{}, false
}

// EventTypes returns the types of the provider's events.
func (p Provider) EventTypes() (types []string) {
	for _, e := range p.Events {
		types = append(types, e.Type)
	}
	return types
}

// EventFor returns the provider's event of that type and reports whether it has one.
func (p Provider) EventFor(eventType string) (Event, bool) {
	for _, e := range p.Events {
		if e.Type == eventType {
			return e, true
		}
	}
	return Event{}, false
}

// Providers returns every provider, the default first.
func Providers() []Provider {
	return []Provider{Dari(), Danube(), Tess(), StandardWebhooks(), Stripe(), GitHub(), Slack(), Shopify()}
}

// ProviderFor returns the provider of a name and reports whether it exists.
func ProviderFor(name string) (Provider, bool) {
	for _, p := range Providers() {
		if p.Name == name {
			return p, true
		}
	}
	return Provider{}, false
}
