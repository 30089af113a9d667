package failover

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// account is what became of all deliveries of a run.
type account struct {
	sent, refused int
	// gap is the longest time in which no sender was told success, from what happened on.
	gap time.Duration
	// lost never ran, or never had a sender that was told so.
	lost []string
	// twice ran more than once, and unnamed are those of them that no gate names.
	twice, unnamed []string
	// changes are the gates' lines on a new primary.
	changes int
}

var lostCommit = regexp.MustCompile(`commit lost.*"id":"(evt_failover_\d+)"`)

// account ends the gates, and brings together what they, the senders and the receiver know.
func (r *run) account(happened time.Time) account {
	var log strings.Builder
	for _, program := range r.programs {
		program.Stop()
		log.Write(program.Log())
	}
	named := make(map[string]bool)
	for _, found := range lostCommit.FindAllStringSubmatch(log.String(), -1) {
		named[found[1]] = true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	a := account{sent: r.sent, refused: r.refused, lost: slices.Clone(r.lost), changes: strings.Count(log.String(), "redis primary changed")}
	for _, id := range r.done {
		switch n := r.runs[id]; {
		case n == 0:
			a.lost = append(a.lost, id)
		case n > 1:
			a.twice = append(a.twice, id)
			if !named[id] {
				a.unnamed = append(a.unnamed, id)
			}
		}
	}
	slices.SortFunc(r.told, time.Time.Compare)
	last := happened
	for _, at := range r.told {
		if at.After(happened) {
			a.gap, last = max(a.gap, at.Sub(last)), at
		}
	}
	return a
}

// row is a line of the table in docs/redis.md.
func (a account) row(name string) string {
	return fmt.Sprintf("| %s | %.1f s | %d | %d | %d | %d | %d |", name, a.gap.Seconds(), a.sent, a.refused, len(a.lost), len(a.twice),
		len(a.twice)-len(a.unnamed))
}
