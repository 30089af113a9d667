package conformance

import (
	"fmt"
	"sync"
)

// tally counts how a target answers deliveries that are right and requests that are wrong. A target that answers all of a
// kind alike is mostly not the one that was meant, or does not know the secret: its broken clauses then say little about
// the implementation. It is safe for concurrent use.
type tally struct {
	mu                 sync.Mutex
	accepted, declined int
	refused, passed    int
	// because is the latest answer to a right delivery that was not accepted.
	because string
}

// fewest is how many answers of a kind a hint needs: where few specs run, one broken clause may be all of them.
const fewest = 5

// right counts the answer to a delivery that is right.
func (t *tally) right(a answer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if a.success() {
		t.accepted++
		return
	}
	t.declined++
	t.because = a.String()
}

// wrong counts the answer to a request that is wrong.
func (t *tally) wrong(a answer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if a.success() {
		t.passed++
		return
	}
	t.refused++
}

// hint says what to look at before the clauses; "" when the target tells right from wrong at all.
func (t *tally) hint() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.accepted == 0 && t.declined >= fewest:
		return fmt.Sprintf("none of %d deliveries that are right was accepted; the last answer was %s. "+
			"See first whether the target, the secret and the scheme of this run are those of the implementation", t.declined, t.because)
	case t.refused == 0 && t.passed >= fewest:
		return fmt.Sprintf("none of %d requests that are wrong was refused. "+
			"See first whether the target of this run is what verifies signatures", t.passed)
	}
	return ""
}
