package caddymodule

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"go.uber.org/zap"

	"github.com/darihook/darihook/internal/dedup/disk"
)

func init() { caddy.RegisterModule(new(DiskStore)) }

// DiskStore remembers deliveries in a directory of this machine. It survives reloads and restarts, and belongs to one
// process at a time: a second Caddy on the same directory does not start. Caddy opens it when it starts a configuration, and
// caddy validate leaves it alone.
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

// Provision finds the directory and changes nothing. It refuses one that cannot become a store, and warns of a bound that is
// soon reached and of a volume that is full.
func (m *DiskStore) Provision(ctx caddy.Context) error {
	warnFewIDs(ctx.Logger(), m.MaxIDs)
	path, err := newReplacer().ReplaceOrErr(m.Path, true, true)
	if err != nil {
		return fmt.Errorf("resolving path: %w", err)
	}
	if path == "" {
		path = filepath.Join(caddy.AppDataDir(), "dari_webhook")
	}
	if m.Path, err = filepath.Abs(path); err != nil {
		return fmt.Errorf("resolving path: %w", err)
	}
	_, err = look(func() (struct{}, error) { return struct{}{}, disk.Check(m.Path, disk.Options{MaxIDs: int64(m.MaxIDs)}) })
	if errors.Is(err, disk.ErrNoSpace) {
		ctx.Logger().Warn("the store's disk has too little space: deliveries get 503 while it is full; make room, or lower max_ids",
			zap.String("path", m.Path), zap.Error(err))
		return nil
	}
	return err
}

// Address is the directory.
func (m *DiskStore) Address() string { return m.Path }

// lookTime bounds what is asked of a file system before the store is opened.
const lookTime = 2 * time.Second

// look asks the file system something. One that does not answer in time keeps no configuration from loading: it is asked
// again when the store is opened.
func look[T any](question func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	answered := make(chan answer, 1)
	go func() {
		value, err := question()
		answered <- answer{value, err}
	}()
	select {
	case a := <-answered:
		return a.value, a.err
	case <-time.After(lookTime):
		return *new(T), nil
	}
}

// Place looks the directory up. Where the file system does not answer there is none, and the address has to do.
func (m *DiskStore) Place() (disk.Place, error) {
	return look(func() (disk.Place, error) { return disk.Find(m.Path) })
}

func (m *DiskStore) bound() int { return cmp.Or(m.MaxIDs, disk.DefaultMaxIDs) }

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
	_ placed                = (*DiskStore)(nil)
	_ bounded               = (*DiskStore)(nil)
)
