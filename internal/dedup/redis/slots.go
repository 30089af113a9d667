package redis

import (
	"context"
	"time"

	"github.com/redis/rueidis"
)

const (
	// slotsInterval is how often a Cluster is asked who serves which slots.
	slotsInterval = 500 * time.Millisecond
	// clusterSlots is their number.
	clusterSlots = 1 << 14
)

// owners are the ids of the nodes that serve the slots.
type owners [clusterSlots]string

// followSlots offers the primaries of a Cluster what their predecessors may not have passed on. The client moves its calls by
// itself, so that a copy may come to a new primary first: half a second at most.
func (s *Store) followSlots() {
	var known *owners
	for {
		select {
		case <-time.After(slotsInterval):
		case <-s.closed:
			return
		}
		session := s.conn.session.Load()
		if session == nil {
			continue
		}
		now, err := s.slotOwners(session.client)
		if err != nil {
			continue // the next time another node is asked
		}
		s.owners.Store(now)
		moved := now.since(known)
		if known == nil {
			close(s.slotsKnown)
		}
		if known == nil || len(moved) == 0 || s.offerSlots(session, moved) == nil {
			known = now
		}
	}
}

// offerSlots offers what belongs to some slots to whoever serves them now.
func (s *Store) offerSlots(to *session, moved map[uint16]bool) error {
	done, err := s.offerAll(context.Background(), to, func(key string) bool {
		command := to.client.B().Get().Key(key).Build()
		return moved[command.Slot()]
	})
	if err == nil && done.offered+done.claims > 0 {
		s.reportHandover("", "", len(moved), done)
	}
	return err
}

// since returns the slots that others served before.
func (o *owners) since(before *owners) map[uint16]bool {
	moved := make(map[uint16]bool)
	if before == nil {
		return moved
	}
	for slot, id := range o {
		if id != "" && before[slot] != "" && id != before[slot] {
			moved[uint16(slot)] = true
		}
	}
	return moved
}

// slotOwners asks one node.
func (s *Store) slotOwners(client rueidis.Client) (*owners, error) {
	ctx, cancel := context.WithTimeout(context.Background(), s.opts.Timeout)
	defer cancel()
	ranges, err := client.Do(ctx, client.B().ClusterSlots().Build()).ToArray()
	if err != nil {
		return nil, err
	}
	all := new(owners)
	for _, r := range ranges {
		if err := all.read(r); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// read takes note of a range: its first slot, its last one, and its nodes, of which each has an address, a port and an id, the
// primary first.
func (o *owners) read(r rueidis.RedisMessage) error {
	parts, err := r.ToArray()
	if err != nil || len(parts) < 3 {
		return errValue
	}
	first, errFirst := parts[0].AsInt64()
	last, errLast := parts[1].AsInt64()
	primary, errNode := parts[2].ToArray()
	if errFirst != nil || errLast != nil || errNode != nil || first < 0 || last >= clusterSlots || len(primary) < 3 {
		return errValue
	}
	id, err := primary[2].ToString()
	for slot := first; slot <= last; slot++ {
		o[slot] = id
	}
	return err
}
