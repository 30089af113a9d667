package gate

import (
	"sync/atomic"
	"time"
)

// pace estimates what the receiver has been taking lately: a mean in which each delivery weighs an eighth, and an older one less
// with every newer. The zero value knows nothing.
type pace struct{ mean atomic.Int64 }

func (p *pace) note(took time.Duration) {
	for {
		old := p.mean.Load()
		mean := int64(took)
		if old != 0 {
			mean = old + (int64(took)-old)/8
		}
		if p.mean.CompareAndSwap(old, max(mean, 1)) {
			return
		}
	}
}

// estimate is zero while no delivery has ended.
func (p *pace) estimate() time.Duration { return time.Duration(p.mean.Load()) }
