package redis

import (
	"maps"
	"slices"

	"github.com/darihook/darihook/internal/dedup"
)

// Node implements [dedup.Sharded]: the id of the Cluster's node that has the key's slot. Without a Cluster there is one node,
// without a name.
func (s *Store) Node(key dedup.Key) string {
	owners, session := s.owners.Load(), s.conn.session.Load()
	if owners == nil || session == nil {
		return ""
	}
	command := session.client.B().Get().Key(keyName(key)).Build()
	return owners[command.Slot()]
}

// Nodes implements [dedup.Sharded].
func (s *Store) Nodes() []string {
	owners := s.owners.Load()
	if owners == nil {
		return nil
	}
	nodes := make(map[string]bool)
	for _, id := range owners {
		nodes[id] = true
	}
	return slices.Collect(maps.Keys(nodes))
}

// keyOfEachNode returns keys for rehearsals, one on each node; one alone while the nodes are not known.
func (s *Store) keyOfEachNode() []dedup.Key {
	missing := make(map[string]bool)
	for _, id := range s.Nodes() {
		if id != "" {
			missing[id] = true
		}
	}
	if len(missing) == 0 {
		return []dedup.Key{checkKey()}
	}
	var keys []dedup.Key
	for tries := 64 * len(missing); tries > 0 && len(missing) > 0; tries-- {
		key := checkKey()
		if node := s.Node(key); missing[node] {
			delete(missing, node)
			keys = append(keys, key)
		}
	}
	return keys
}

var _ dedup.Sharded = (*Store)(nil)
