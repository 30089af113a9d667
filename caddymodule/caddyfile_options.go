package caddymodule

import (
	"slices"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// eachOption reads the lines of a block, each of which begins with the name of an option. The block is named in errors, and
// repeated are the options that may be given more than once.
func eachOption(d *caddyfile.Dispenser, block string, parse func(name string) error, repeated ...string) error {
	seen := make(map[string]bool)
	last := block
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		name := d.Val()
		switch {
		case name == "{": // parse has read the line before it, and left this
			return d.Errf("%s: %s takes no block", directive, last)
		case seen[name] && !slices.Contains(repeated, name):
			return d.Errf("%s: %s is given twice", directive, joinWords(block, name))
		}
		seen[name], last = true, joinWords(block, name)
		if err := parse(name); err != nil {
			return err
		}
	}
	return nil
}

// joinWords puts the name of an option behind that of its block, if the block has one.
func joinWords(block, name string) string {
	if block == "" {
		return name
	}
	return block + " " + name
}
