package mockserver

import (
	"errors"
	"fmt"
	"time"

	"github.com/darihook/darihook/mockserver/faults"
	"github.com/darihook/darihook/mockserver/internal/clock"
	"github.com/darihook/darihook/mockserver/internal/storage"
)

// The tables of what belongs to no platform.
const (
	tableServer = "server"
	tableFaults = "faults"
)

// serverRecord is what the server itself remembers.
type serverRecord struct {
	APIKey string `json:"api_key,omitempty"`
	// Now was the platform's time at the machine's time At.
	Now time.Time `json:"now,omitzero"`
	At  time.Time `json:"at,omitzero"`
}

// The keys of the server's records.
const (
	keyAPI   = "api_key"
	keyClock = "clock"
)

// restore takes up the key, the clock and the faults where the last process left them.
func (s *Server) restore() error {
	records := map[string]serverRecord{}
	err := errors.Join(
		storage.Load(s.store, tableServer, func(key string, r serverRecord) { records[key] = r }),
		storage.Load(s.store, tableFaults, func(_ string, f faults.Fault) {
			_ = s.faults.Add(f) // no more were stored than a set holds
		}),
	)
	if err != nil {
		return fmt.Errorf("loading the server's state: %w", err)
	}
	s.faults.Changed = s.saveFault
	s.restoreKey(records[keyAPI].APIKey)
	s.restoreClock(records[keyClock])
	return nil
}

// restoreKey uses the key of the options, the stored one, or a new one.
func (s *Server) restoreKey(stored string) {
	s.APIKey = s.o.APIKey
	if s.APIKey == "" {
		s.APIKey = stored
	}
	if s.APIKey == "" {
		s.APIKey = s.newKey()
	}
	s.store.Put(tableServer, keyAPI, serverRecord{APIKey: s.APIKey})
}

// restoreClock continues the platform's time. While no process ran, it went on as fast as it does.
func (s *Server) restoreClock(stored serverRecord) {
	start := time.Now()
	if !stored.Now.IsZero() {
		passed := max(time.Since(stored.At), 0)
		start = stored.Now.Add(time.Duration(float64(passed) * s.o.scale()))
	}
	s.clock = clock.New(clock.Options{Scale: s.o.scale(), Start: start})
	s.saveClock()
}

// saveClock remembers the platform's time.
func (s *Server) saveClock() {
	s.store.Put(tableServer, keyClock, serverRecord{Now: s.clock.Now(), At: time.Now()})
}

// saveFault keeps the faults as they stand.
func (s *Server) saveFault(f faults.Fault, gone bool) {
	if gone {
		s.store.Delete(tableFaults, f.ID)
		return
	}
	s.store.Put(tableFaults, f.ID, f)
}
