package caddymodule

import (
	"cmp"
	"fmt"
	"log/slog"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/darihook/darihook/internal/dedup/memory"
)

func init() { caddy.RegisterModule(new(MemoryStore)) }

// MemoryStore remembers deliveries in this process's memory. It survives reloads and no restart. Every scope has a store of
// its own, which the handlers with that scope share: what one of them remembers makes no other scope forget.
type MemoryStore struct {
	// MaxIDs is the number of outcomes kept for the handler's scope; beyond it those that expire first are forgotten. Default:
	// 1,000,000.
	MaxIDs int `json:"max_ids,omitempty"`

	scope string
}

// CaddyModule returns the Caddy module information.
func (*MemoryStore) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  storeNamespace + ".memory",
		New: func() caddy.Module { return new(MemoryStore) },
	}
}

// Provision warns of a bound that is soon reached.
func (m *MemoryStore) Provision(ctx caddy.Context) error {
	warnFewIDs(ctx.Logger(), m.MaxIDs)
	return nil
}

// SetScope tells whose outcomes are remembered. It is called before Address.
func (m *MemoryStore) SetScope(scope string) { m.scope = scope }

// Address is the scope.
func (m *MemoryStore) Address() string { return m.scope }

func (m *MemoryStore) bound() int { return cmp.Or(m.MaxIDs, memory.DefaultMaxIDs) }

// Open makes an empty store.
func (m *MemoryStore) Open(*slog.Logger) (Store, error) {
	return memory.New(memory.Options{MaxIDs: m.MaxIDs})
}

// Adjust applies the bound.
func (m *MemoryStore) Adjust(store Store) error {
	s, ok := store.(*memory.Store)
	if !ok {
		return fmt.Errorf("adjusting a store in memory: got %T", store)
	}
	return s.SetMaxIDs(m.MaxIDs)
}

// UnmarshalCaddyfile reads
//
//	memory {
//		max_ids <number>
//	}
func (m *MemoryStore) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the name
	if d.NextArg() {
		return d.Errf("%s: dedup memory takes no argument", directive)
	}
	return parseStoreBlock(d, &m.MaxIDs)
}

// Interface guards.
var (
	_ StoreModule           = (*MemoryStore)(nil)
	_ caddy.Provisioner     = (*MemoryStore)(nil)
	_ caddyfile.Unmarshaler = (*MemoryStore)(nil)
	_ scoped                = (*MemoryStore)(nil)
	_ bounded               = (*MemoryStore)(nil)
)
