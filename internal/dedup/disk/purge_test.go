package disk

import (
	"testing"
	"time"
)

// TestPurgePace follows one batch after another: what keeps up with the commits is dropped at once, what is beyond is not.
func TestPurgePace(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for name, row := range map[string]struct {
		committed int
		left      int // records that have expired
		took      time.Duration
		limit     int
		pause     time.Duration
	}{
		"ok/nothing is left":            {0, purgeBatch - 1, ms, purgeBatch, purgeInterval},
		"ok/no commits":                 {0, 1000, ms / 10, purgeBatch, 2 * ms},
		"ok/no commits and a slow disk": {0, 1000, ms, purgeBatch, 4 * ms},
		"ok/few commits":                {4, 1000, ms / 10, purgeBatch, ms},
		"ok/many commits":               {100, 1000, 2 * ms, 200, 0},
		"ok/all of them have expired":   {100, 200, 2 * ms, 200, 0},
		"ok/fewer have expired":         {100, 150, 2 * ms, 200, purgeInterval},
		"ok/very many commits":          {100_000, 1_000_000, 10 * ms, purgeMost, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limit := purgeLimit(row.committed)
			if limit != row.limit {
				t.Errorf("a batch of %d, want %d", limit, row.limit)
			}
			if got := purgePause(min(limit, row.left), limit, row.committed, row.took); got != row.pause {
				t.Errorf("a pause of %s, want %s", got, row.pause)
			}
		})
	}
}
