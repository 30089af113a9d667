package faults

import (
	"fmt"

	"github.com/darihook/darihook/contract"
)

// need is what a kind of fault asks of a provider: without it there is nothing that could go wrong in this way.
type need func(contract.Provider) (missing string)

func aScheme(p contract.Provider) string {
	return unless(!p.Unsigned(), p.Title+" signs nothing")
}

func schemes(p contract.Provider) string {
	return unless(len(p.Schemes()) > 1, p.Title+" has no other scheme")
}

func anID(p contract.Provider) string {
	return unless(p.Envelope.ID != "", "the bodies of "+p.Title+" have no id")
}

func anIDHeader(p contract.Provider) string {
	for _, s := range p.Schemes() {
		if s.IDHeader != "" {
			return ""
		}
	}
	return p.Title + " has no id header"
}

func unless(ok bool, missing string) string {
	if ok {
		return ""
	}
	return missing
}

// missing says what a provider lacks for the kind, or nothing.
func (k Kind) missing(p contract.Provider) string {
	if k.needs == nil {
		return ""
	}
	return k.needs(p)
}

// KindsFor returns the kinds that can befall a provider's deliveries.
func KindsFor(p contract.Provider) []Kind {
	var fit []Kind
	for _, k := range kinds {
		if k.missing(p) == "" {
			fit = append(fit, k)
		}
	}
	return fit
}

// ValidateFor returns the first field that is wrong as a [*Violation], as Validate does, and looks also at what the
// provider has: its event types, its schemes, and whether it signs and numbers its deliveries at all.
func (f Fault) ValidateFor(p contract.Provider) error {
	if err := f.Validate(); err != nil {
		return err
	}
	kind, _ := KindFor(f.Kind)
	if missing := kind.missing(p); missing != "" {
		return &Violation{"kind", fmt.Sprintf("%s cannot happen: %s", kind.Name, missing)}
	}
	if _, ok := p.EventFor(f.EventType); f.EventType != "" && !ok {
		return &Violation{"event_type", contract.Unknown("event type", f.EventType, p.EventTypes())}
	}
	if _, ok := p.SchemeFor(f.Scheme); f.Scheme != "" && !ok {
		return &Violation{"scheme", contract.Unknown("scheme", f.Scheme, p.SchemeNames())}
	}
	return nil
}
