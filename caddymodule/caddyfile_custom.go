package caddymodule

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// parse reads
//
//	provider custom {
//		method         <method>...
//		algorithm      hmac-sha256|ed25519
//		header         <name>
//		tag            <tag>
//		separators     <between tag and value> [<between items>]
//		encoding       hex|base64
//		signed_content <template>
//		timestamp      tag|header|field <name>
//		id             header|field <name>
//		event          field <name>
//		key            whole|base64 [<prefix>]
//		accept_risk    unsigned_timestamp|unsigned_body...
//	}
//
// Lines for timestamp and id may be given once for each kind, the others once.
func (c *Custom) parse(d *caddyfile.Dispenser) error {
	return eachOption(d, "provider custom", func(name string) error { return c.parseOption(d, name) }, "timestamp", "id")
}

// parseOption reads one line of the block.
func (c *Custom) parseOption(d *caddyfile.Dispenser, name string) error {
	switch name {
	case "method":
		return manyArgs(d, &c.Methods)
	case "algorithm":
		return oneArg(d, &c.Algorithm)
	case "header":
		return oneArg(d, &c.Header)
	case "tag":
		return oneArg(d, &c.Tag)
	case "separators":
		return c.parseSeparators(d)
	case "encoding":
		return oneArg(d, &c.Encoding)
	case "signed_content":
		return oneArg(d, &c.SignedContent)
	case "timestamp":
		return sourceArg(d, map[string]*string{
			"tag": &c.TimestampTag, "header": &c.TimestampHeader, "field": &c.TimestampField,
		})
	case "id":
		return sourceArg(d, map[string]*string{"header": &c.IDHeader, "field": &c.IDField})
	case "event":
		return sourceArg(d, map[string]*string{"field": &c.EventField})
	case "key":
		return c.parseKey(d)
	case "accept_risk":
		return manyArgs(d, &c.AcceptRisk)
	default:
		return unknownOption(d, "option of provider custom", name, customOptions)
	}
}

func (c *Custom) parseSeparators(d *caddyfile.Dispenser) error {
	values := d.RemainingArgs()
	switch len(values) {
	case 2:
		c.ItemSeparator = values[1]
		fallthrough
	case 1:
		c.TagSeparator = values[0]
		return nil
	}
	return d.Errf("%s: provider custom: separators takes <between tag and value> [<between items>]", directive)
}

func (c *Custom) parseKey(d *caddyfile.Dispenser) error {
	values := d.RemainingArgs()
	switch len(values) {
	case 2:
		c.KeyPrefix = values[1]
		fallthrough
	case 1:
		c.KeyForm = values[0]
		return nil
	}
	return d.Errf("%s: provider custom: key takes whole|base64 [<prefix>]", directive)
}

// sourceArg reads where something comes from: a kind of place and a name.
func sourceArg(d *caddyfile.Dispenser, targets map[string]*string) error {
	option, kind, name := d.Val(), "", ""
	if !d.AllArgs(&kind, &name) || targets[kind] == nil || name == "" {
		return d.Errf("%s: provider custom: %s takes a kind of place and a name, such as: %s field name", directive, option, option)
	}
	if *targets[kind] != "" {
		return d.Errf("%s: provider custom: %s %s is given twice", directive, option, kind)
	}
	*targets[kind] = name
	return nil
}

// manyArgs reads one or more arguments.
func manyArgs(d *caddyfile.Dispenser, target *[]string) error {
	name := d.Val()
	if *target = d.RemainingArgs(); len(*target) == 0 {
		return d.Errf("%s: %s takes one argument or more", directive, name)
	}
	return nil
}
