package caddymodule

import (
	"fmt"
	"log/slog"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/darihook/darihook/internal/dedup/memory"
)

func init() { caddy.RegisterModule(new(MemoryStore)) }

// MemoryStore remembers deliveries in this process's memory. It survives reloads and no restart. All handlers that use it
// share one store; their scopes keep their ids apart.
type MemoryStore struct {
	// MaxIDs is the number of outcomes kept; beyond it those that expire first are forgotten. Default: 1,000,000.
	MaxIDs int `json:"max_ids,omitempty"`
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

// Address is the same for every module: there is one memory.
func (*MemoryStore) Address() string { return "" }

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
)
