package caddymodule

import (
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// parse reads
//
//	dedup off
//	dedup <store> [<argument>...] {
//		ttl            <duration>
//		lease          <duration>
//		in_flight      wait <duration>|reject
//		success        <status or class>...
//		on_unavailable reject|allow
//		timeout        <duration>
//		...            the store's own options
//	}
func (p *Dedup) parse(d *caddyfile.Dispenser) error {
	if !d.NextArg() {
		return d.Errf("%s: dedup needs off or a store: %s", directive, strings.Join(knownStores(), ", "))
	}
	if d.Val() == "off" {
		return p.parseOff(d)
	}
	store := d.Val()
	if !slices.Contains(knownStores(), store) {
		return d.Errf("%s: unknown store %q: want one of off, %s", directive, store, strings.Join(knownStores(), ", "))
	}
	head := append([]caddyfile.Token{d.Token()}, d.RemainingArgsAsTokens()...)
	rest, err := p.parseBlock(d)
	if err != nil {
		return err
	}
	return p.parseStore(d, store, withBlock(head, rest))
}

// withBlock puts lines into a block that opens at the end of a line.
func withBlock(head, lines []caddyfile.Token) []caddyfile.Token {
	if len(lines) == 0 {
		return head
	}
	open, end := head[len(head)-1], lines[len(lines)-1]
	open.Text, end.Text = "{", "}"
	end.Line++
	return slices.Concat(head, []caddyfile.Token{open}, lines, []caddyfile.Token{end})
}

func (p *Dedup) parseOff(d *caddyfile.Dispenser) error {
	p.Off = true
	if err := noArg(d); err != nil {
		return err
	}
	if d.NextBlock(d.Nesting()) {
		return d.Errf("%s: dedup off takes no options", directive)
	}
	return nil
}

// knownStores lists the store modules that this program has.
func knownStores() []string {
	var names []string
	for _, module := range caddy.GetModules(storeNamespace) {
		names = append(names, module.ID.Name())
	}
	return names
}

// parseBlock reads the options that all stores share, and returns the lines that are the store's.
func (p *Dedup) parseBlock(d *caddyfile.Dispenser) ([]caddyfile.Token, error) {
	var rest []caddyfile.Token
	err := eachOption(d, "dedup", func(name string) error {
		known, err := p.parseOption(d, name)
		if err == nil && !known {
			rest = append(rest, d.NextSegment()...)
		}
		return err
	})
	return rest, err
}

// parseOption reads one line of the block, and reports whether it is one that all stores share.
func (p *Dedup) parseOption(d *caddyfile.Dispenser, name string) (known bool, err error) {
	switch name {
	case "ttl":
		return true, durationArg(d, &p.TTL)
	case "lease":
		return true, durationArg(d, &p.Lease)
	case "timeout":
		return true, durationArg(d, &p.Timeout)
	case "in_flight":
		return true, p.parseInFlight(d)
	case "success":
		return true, p.parseSuccess(d)
	case "on_unavailable":
		return true, p.parseOnUnavailable(d)
	default:
		return false, nil
	}
}

func (p *Dedup) parseInFlight(d *caddyfile.Dispenser) error {
	values := d.RemainingArgs()
	switch {
	case len(values) == 1 && values[0] == "reject":
		p.RejectInFlight = true
		return nil
	case len(values) == 2 && values[0] == "wait":
		return parseDuration(d, "in_flight wait", values[1], &p.Wait)
	default:
		return d.Errf("%s: in_flight takes wait <duration> or reject, not %q", directive, strings.Join(values, " "))
	}
}

func (p *Dedup) parseSuccess(d *caddyfile.Dispenser) error {
	values := d.RemainingArgs()
	if len(values) == 0 {
		return d.Errf("%s: success needs a status or a class such as 2xx", directive)
	}
	for _, v := range values {
		status, ok := parseStatus(v)
		if !ok {
			return d.Errf("%s: success %q is %s", directive, v, noStatus)
		}
		p.Success = append(p.Success, status)
	}
	return nil
}

// parseStatus reads a status such as 409, or a class such as 2xx as its first digit.
func parseStatus(text string) (int, bool) {
	class, isClass := strings.CutSuffix(text, "xx")
	n, err := strconv.Atoi(class)
	if err != nil || class[0] == '+' {
		return 0, false
	}
	return n, finalStatus(n) && isClass == (n < 10)
}

func (p *Dedup) parseOnUnavailable(d *caddyfile.Dispenser) error {
	if err := oneArg(d, &p.OnUnavailable); err != nil {
		return err
	}
	if p.OnUnavailable != unavailableReject && p.OnUnavailable != unavailableAllow {
		return d.Errf("%s: on_unavailable %q: want %s or %s", directive, p.OnUnavailable, unavailableReject, unavailableAllow)
	}
	return nil
}

// parseStore has a store module read its part.
func (p *Dedup) parseStore(d *caddyfile.Dispenser, name string, tokens []caddyfile.Token) error {
	module, err := caddy.GetModule(storeNamespace + "." + name)
	if err != nil {
		return d.WrapErr(err)
	}
	store := module.New()
	u, ok := store.(caddyfile.Unmarshaler)
	if !ok {
		return d.Errf("%s: store %s has no Caddyfile form", directive, name)
	}
	if err := u.UnmarshalCaddyfile(caddyfile.NewDispenser(tokens)); err != nil {
		return err
	}
	p.StoreRaw = caddyconfig.JSONModuleObject(store, "type", name, nil)
	return nil
}

// parseStoreBlock reads the options of the stores that are built in.
func parseStoreBlock(d *caddyfile.Dispenser, maxIDs *int) error {
	return eachOption(d, "dedup", func(name string) error {
		if name != "max_ids" {
			return unknownOption(d, "dedup option", name, slices.Concat(dedupOptions, builtInOptions))
		}
		return numberArg(d, maxIDs)
	})
}
