package main

import (
	"context"
	"os"
)

// measureThroughput sends valid deliveries of every size to every target as fast as they are answered.
func measureThroughput(ctx context.Context, p plan, s *stage) ([]table, error) {
	var tables []table
	for _, size := range p.sizes {
		var entrants []entrant
		for _, c := range s.contenders {
			if !c.answers || size <= shortBody {
				entrants = append(entrants, p.sending(c, valid, size))
			}
		}
		t, err := p.measure(ctx, "throughput", size, entrants)
		if err != nil {
			return nil, err
		}
		tables = append(tables, t)
	}
	return tables, nil
}

// refusalSize is the size of the deliveries that are refused.
const refusalSize = 1 << 10

// measureRefusals sends forged and stale deliveries to every target that verifies, beside the valid ones that the plain
// proxy forwards, and those that Caddy answers without looking at them.
func measureRefusals(ctx context.Context, p plan, s *stage) ([]table, error) {
	var entrants []entrant
	for _, c := range s.contenders {
		if c.name == stock || c.name == respond {
			entrants = append(entrants, p.sending(c, valid, refusalSize))
		}
		if !c.verifies() || c.gate != nil && !c.ofDefaultStore() {
			continue // the store is not asked
		}
		for _, kind := range []traffic{forged, stale} {
			e := p.sending(c, kind, refusalSize)
			e.name, e.over = c.name+", "+kind.String(), []string{stock}
			entrants = append(entrants, e)
		}
	}
	t, err := p.measure(ctx, "refusals", refusalSize, entrants)
	return []table{t}, err
}

// sending is an entrant that sends one kind of deliveries to a target.
func (p plan) sending(c *contender, kind traffic, size int) entrant {
	l := load{kind: kind, size: size, conns: p.conns, length: p.slice}
	return entrant{c.name, c.over, func(ctx context.Context) (slice, error) { return l.run(ctx, c) }}
}

// measure rotates entrants and prints what it finds.
func (p plan) measure(ctx context.Context, section string, size int, entrants []entrant) (table, error) {
	results, err := p.rotate(ctx, entrants)
	if err != nil {
		return table{}, err
	}
	t := p.tabulate(section, size, results, slice.rate)
	return t, t.print(os.Stdout)
}
