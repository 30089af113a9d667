package caddymodule

import (
	"errors"
	"fmt"
	"sync"

	"github.com/caddyserver/caddy/v2"

	"github.com/darihook/darihook/internal/dedup"
)

// stores holds the open stores of all configurations, so that what they remember survives a reload. The lock spans
// opening and closing: a store on disk must be closed before its successor opens the same files.
var stores = struct {
	sync.Mutex
	pool *caddy.UsagePool
}{pool: caddy.NewUsagePool()}

// sharedStore is a store in the pool. It keeps nothing of the configuration that opened it.
type sharedStore struct{ Store }

// Destruct closes the store when nobody has a share in it any more.
func (s sharedStore) Destruct() error { return s.Close() }

// storeLease is one handler's share in a store.
type storeLease struct {
	module StoreModule
	store  Store
	kind   string
	key    string
	once   sync.Once
	// deaf ends what tellLosses began.
	deaf func()
}

// acquireStore opens the module's store, or takes a share in it where it is open already.
func acquireStore(module StoreModule) (*storeLease, error) {
	kind := module.CaddyModule().ID.Name()
	key := kind + ":" + module.Address()
	stores.Lock()
	defer stores.Unlock()
	value, _, err := stores.pool.LoadOrNew(key, func() (caddy.Destructor, error) {
		store, err := module.Open(currentLogger(string(module.CaddyModule().ID)))
		if err == nil && store == nil {
			err = errors.New("the module returned no store")
		}
		return sharedStore{store}, err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", kind, err)
	}
	return &storeLease{module: module, store: value.(sharedStore).Store, kind: kind, key: key}, nil
}

// release gives the share back, if there is one. Only the first call does.
func (l *storeLease) release() (err error) {
	if l == nil {
		return nil
	}
	l.once.Do(func() {
		if l.deaf != nil {
			l.deaf()
		}
		stores.Lock()
		defer stores.Unlock()
		_, err = stores.pool.Delete(l.key)
	})
	return err
}

// tellLosses has tell called for each delivery of a scope that the store knew and lost to another claim, where it can find out.
func (l *storeLease) tellLosses(scope string, tell func(Key)) {
	if l == nil {
		return
	}
	if store, ok := l.store.(dedup.LossReporter); ok {
		l.deaf = store.OnLoss(scope, tell)
	}
}

// adjust applies the module's bounds to the store. It waits for the first request, since a configuration that is loaded
// may yet be rejected, and must then have changed nothing.
func (l *storeLease) adjust() error { return l.module.Adjust(l.store) }
