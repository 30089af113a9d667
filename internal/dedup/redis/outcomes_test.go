package redis

import (
	"strconv"
	"testing"
	"time"

	"github.com/darihook/darihook/internal/dedup"
)

// TestOutcomesAreBounded keeps the latest, by number and by time, and none that has expired or was forgotten.
func TestOutcomesAreBounded(t *testing.T) {
	t.Parallel()
	var o outcomes
	now := time.Now()
	add := func(id int, at time.Time, ttl time.Duration) {
		o.add(confirmed{key: dedup.Key{Scope: "s", ID: strconv.Itoa(id)}, at: at, expires: now.Add(ttl)})
	}
	for i := range 3 * maxOutcomes {
		add(i, now, time.Hour)
	}
	if all := o.latest(now); len(all) != maxOutcomes || all[0].key.ID != strconv.Itoa(2*maxOutcomes) || cap(o.all) > 4*maxOutcomes {
		t.Errorf("%d kept from %s on, want the latest %d", len(all), all[0].key.ID, maxOutcomes)
	}
	later := now.Add(keepOutcomes + time.Second)
	add(-1, later, time.Hour)
	add(-2, later, time.Minute)
	add(-3, later, time.Hour)
	o.forget(dedup.Key{Scope: "s", ID: "-3"})
	if all := o.latest(now.Add(2 * time.Minute)); len(all) != 1 || all[0].key.ID != "-1" {
		t.Errorf("%v kept, want -1 alone", all)
	}
}
