package caddymodule

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/darihook/darihook/internal/dedup/disk"
)

// stores holds the open stores of all configurations: what they remember survives a reload, and the lock of one on disk never
// changes hands in one.
var stores storePool

// closeTime is how long a start waits for a store that an earlier configuration is closing, and a reload for one that it closes
// itself.
const closeTime = 5 * time.Second

// storePool shares stores by what they are, not by what they are called.
type storePool struct {
	opening sync.Mutex // held while a store is looked for and opened, so that none is opened twice
	mu      sync.Mutex // guards what follows; never held while a store is asked for anything
	open    []*openStore
}

// openStore is a store in the pool. It keeps nothing of the configuration that opened it.
type openStore struct {
	Store
	id     storeIdentity
	shares int
	closed chan struct{} // nil while it has shares, closed once Close has returned
}

// storeIdentity tells stores apart.
type storeIdentity struct {
	kind, address string
	place         disk.Place // of a store that has one, whatever its address
}

// same reports whether both are one store.
func (i storeIdentity) same(j storeIdentity) bool {
	if i.place.Path() != "" && j.place.Path() != "" {
		return i.kind == j.kind && i.place.Same(j.place)
	}
	return i.kind == j.kind && i.address == j.address
}

// placed is a store module whose address is one of many names for a directory.
type placed interface {
	// Place looks the directory up and changes nothing.
	Place() (disk.Place, error)
}

// identify finds out which store a module's settings lead to. It changes nothing.
func identify(module StoreModule) (storeIdentity, error) {
	id := storeIdentity{kind: module.CaddyModule().ID.Name(), address: module.Address()}
	var err error
	if p, ok := module.(placed); ok {
		id.place, err = p.Place()
	}
	return id, err
}

// acquire opens the module's store, or takes a share in it where it is open already.
func (p *storePool) acquire(module StoreModule) (*openStore, error) {
	p.opening.Lock()
	defer p.opening.Unlock()
	id, err := identify(module)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", id.kind, err)
	}
	if s, err := p.share(id); s != nil || err != nil {
		return s, err
	}
	store, err := module.Open(currentLogger(string(module.CaddyModule().ID)))
	if err == nil && store == nil {
		err = errors.New("the module returned no store")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", id.kind, err)
	}
	if made, err := identify(module); err == nil { // a directory that was made has an identity now
		id = made
	}
	s := &openStore{Store: store, id: id, shares: 1}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = append(p.open, s)
	return s, nil
}

// share takes a share in a store that is open; nil where none is. It waits for one that is being closed.
func (p *storePool) share(id storeIdentity) (*openStore, error) {
	for timeout := time.After(closeTime); ; {
		s, closing := p.find(id)
		if closing == nil {
			return s, nil
		}
		select {
		case <-closing:
		case <-timeout:
			return nil, fmt.Errorf("%s: an earlier configuration is still closing the store after %s", id.kind, closeTime)
		}
	}
}

// find takes a share in a store of the pool, or returns what ends when it has been closed. Both are nil where there is none.
func (p *storePool) find(id storeIdentity) (s *openStore, closing <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch s := p.lookup(id); {
	case s == nil:
		return nil, nil
	case s.closed != nil:
		return nil, s.closed
	default:
		s.shares++
		return s, nil
	}
}

// peek returns a store of the pool without a share in it, which may be closed at any time; nil where there is none.
func (p *storePool) peek(id storeIdentity) *openStore {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lookup(id)
}

// lookup finds a store. The pool is locked.
func (p *storePool) lookup(id storeIdentity) *openStore {
	if i := slices.IndexFunc(p.open, func(s *openStore) bool { return s.id.same(id) }); i >= 0 {
		return p.open[i]
	}
	return nil
}

// release gives a share back. The last one closes the store, which is waited for until a time at most, and ends in the
// background where it takes longer.
func (p *storePool) release(s *openStore, until time.Time) error {
	p.mu.Lock()
	s.shares--
	last := s.shares == 0
	if last {
		s.closed = make(chan struct{})
	}
	p.mu.Unlock()
	if !last {
		return nil
	}
	failed := make(chan error, 1)
	go func() {
		failed <- s.Close()
		p.remove(s)
	}()
	select {
	case err := <-failed:
		<-s.closed
		return err
	case <-time.After(time.Until(until)):
		return errors.New("the store takes long to close, which goes on in the background")
	}
}

// remove takes a store that was closed out of the pool.
func (p *storePool) remove(s *openStore) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = slices.DeleteFunc(p.open, func(o *openStore) bool { return o == s })
	close(s.closed)
}
