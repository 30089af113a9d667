package redis

import (
	"slices"
	"testing"
)

// TestPrimaryThatSentinelsName shows whom to believe while they disagree.
func TestPrimaryThatSentinelsName(t *testing.T) {
	t.Parallel()
	type said struct {
		by   int
		what string
	}
	for name, row := range map[string]struct {
		said []said
		want []string
	}{
		"most, as long as nobody changes its mind": {[]said{{0, "old:1"}, {1, "new:1"}, {2, "new:1"}}, []string{"new:1", "old:1"}},
		"the one that changed its mind":            {[]said{{0, "old:1"}, {1, "old:1"}, {2, "old:1"}, {1, "new:1"}}, []string{"new:1", "old:1"}},
		"the last that did":                        {[]said{{0, "a:1"}, {0, "b:1"}, {1, "b:1"}, {1, "c:1"}, {2, "a:1"}}, []string{"c:1", "b:1", "a:1"}},
		"a promotion before its failover has ended": {[]said{{0, "old:1"}, {1, "old:1"}, {1, "promoted"}, {0, "old:1"}},
			[]string{"new:1", "old:1"}},
		"a promotion of which another failover followed": {[]said{{0, "old:1"}, {1, "old:1"}, {1, "promoted"}, {1, "third:1"}, {0, "old:1"}},
			[]string{"third:1", "old:1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var last string
			s := &sentinels{
				opts: Options{SentinelMaster: "set"}, votes: map[string]*vote{"0": {}, "1": {}, "2": {}}, heard: make(chan struct{}),
				moved: func(address string) { last = address },
			}
			for _, one := range row.said {
				v := s.votes[string(rune('0'+one.by))]
				if one.what == "promoted" {
					s.told(v, "+promoted-slave", []string{"slave", "new:1", "new", "1", "@", "set", "old", "1"})
					continue
				}
				s.cast(v, one.what, nil)
			}
			if got := s.ranked(); !slices.Equal(got, row.want) || last != row.want[0] {
				t.Errorf("%v, and told %s; want %v", got, last, row.want)
			}
		})
	}
}
