package caddymodule

import (
	"errors"
	"sync/atomic"

	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/gate"
)

// heldBy says which delivery was refused for a copy in flight, and who holds that: a claim of another process may be that of a
// gate that has died, and ends with its lease.
func heldBy(v gate.Verdict) []zap.Field {
	if v.Code != contract.CodeInFlight {
		return nil
	}
	holder := "another process"
	if v.HeldHere {
		holder = "this process"
	}
	return []zap.Field{zap.String("id", v.Delivery.ID), zap.String("holder", holder), zap.Time("lease_until", v.HeldUntil)}
}

// fewerCopies bounds the lines on records that too few replicas have: where there is no replica, every delivery's is one.
type fewerCopies struct {
	limit    *rate.Limiter
	unlogged atomic.Int64
}

// log names one such record, and says how many were not named since the last line.
func (f *fewerCopies) log(logger *zap.Logger, d gate.Delivery, err error) {
	if !f.limit.Allow() {
		f.unlogged.Add(1)
		return
	}
	logger.Warn("commit recorded on too few replicas; a failover may lose it (more of these are not logged, for a minute)",
		zap.String("id", d.ID), zap.Int64("not_logged", f.unlogged.Swap(0)), zap.Error(err))
}

// errRecordLost is what a store says of a record that it had confirmed.
var errRecordLost = errors.New("a failover lost the record, and a copy has claimed the delivery since")

// recordLost counts and names a delivery whose record the store has lost to a copy.
func (p *reporter) recordLost(key Key) { p.ClaimLost(gate.Delivery{ID: key.ID}, errRecordLost) }
