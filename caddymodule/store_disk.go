package caddymodule

import (
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/darihook/darihook/internal/dedup/disk"
)

func init() { caddy.RegisterModule(new(DiskStore)) }

// DiskStore remembers deliveries in a directory of this machine. It survives reloads and restarts, and belongs to one
// process at a time: caddy validate, which opens it as well, fails beside a Caddy that runs on the same directory.
type DiskStore struct {
	// Path is the directory, made when it is missing. Placeholders are resolved when the configuration is loaded.
	// Default: dari_webhook in Caddy's data directory.
	Path string `json:"path,omitempty"`

	// MaxIDs is the number of outcomes kept; beyond it new deliveries are refused until old ones expire. Default:
	// 50,000,000.
	MaxIDs int `json:"max_ids,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (*DiskStore) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  storeNamespace + ".disk",
		New: func() caddy.Module { return new(DiskStore) },
	}
}

// Provision finds the directory, and warns of a bound that is soon reached.
func (m *DiskStore) Provision(ctx caddy.Context) error {
	warnFewIDs(ctx.Logger(), m.MaxIDs)
	path, err := caddy.NewReplacer().ReplaceOrErr(m.Path, true, true)
	if err != nil {
		return fmt.Errorf("resolving path: %w", err)
	}
	if path == "" {
		path = filepath.Join(caddy.AppDataDir(), "dari_webhook")
	}
	if m.Path, err = filepath.Abs(path); err != nil {
		return fmt.Errorf("resolving path: %w", err)
	}
	return nil
}

// Address is the directory.
func (m *DiskStore) Address() string { return m.Path }

// Open opens the directory.
func (m *DiskStore) Open(logger *slog.Logger) (Store, error) {
	return disk.Open(m.Path, disk.Options{MaxIDs: int64(m.MaxIDs), Logger: logger})
}

// Adjust applies the bound.
func (m *DiskStore) Adjust(store Store) error {
	s, ok := store.(*disk.Store)
	if !ok {
		return fmt.Errorf("adjusting a store on disk: got %T", store)
	}
	return s.SetMaxIDs(int64(m.MaxIDs))
}

// UnmarshalCaddyfile reads
//
//	disk [<path>] {
//		max_ids <number>
//	}
func (m *DiskStore) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the name
	if d.NextArg() {
		m.Path = d.Val()
	}
	if d.NextArg() {
		return d.Errf("%s: dedup disk takes one path", directive)
	}
	return parseStoreBlock(d, &m.MaxIDs)
}

// Interface guards.
var (
	_ StoreModule           = (*DiskStore)(nil)
	_ caddy.Provisioner     = (*DiskStore)(nil)
	_ caddyfile.Unmarshaler = (*DiskStore)(nil)
)
