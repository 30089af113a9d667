package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/darihook/darihook/internal/dedup"
)

const (
	// fillers is how many deliveries are under way at once while a store is filled.
	fillers = 64
	// fillScope is the scope of the gate of the platform.
	fillScope = "dari"
	// fillTTL is how long a gate remembers unless told otherwise.
	fillTTL = 72 * time.Hour
)

// fill delivers so many new ids to a store.
func fill(ctx context.Context, s dedup.Store, ids int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	for worker := range fillers {
		all.Go(func() {
			for i := worker; i < ids && ctx.Err() == nil; i += fillers {
				if err := deliver(ctx, s); err != nil {
					cancel(err)
				}
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// deliver does what a delivery that goes well asks of a store.
func deliver(ctx context.Context, s dedup.Store) error {
	var random [16]byte
	rand.Read(random[:])
	key, owner := dedup.Key{Scope: fillScope, ID: "evt_" + hex.EncodeToString(random[:])}, dedup.NewOwner()
	claim, err := s.Claim(ctx, key, owner, time.Minute)
	if err != nil || !claim.Acquired {
		return fmt.Errorf("claiming: %+v, %w", claim.Record, err)
	}
	return s.Commit(ctx, key, owner, dedup.Outcome{Status: 200, At: time.Now()}, fillTTL)
}
