package caddymodule

import (
	"slices"
	"strconv"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// UnmarshalCaddyfile reads
//
//	redis <address>... {
//		username          <name>
//		password          <placeholder>
//		database          <number>
//		cluster
//		sentinel_master   <name>
//		sentinel_username <name>
//		sentinel_password <placeholder>
//		replicas          <number> [<timeout>]
//		tls {
//			ca          <file>...
//			certificate <file> <key file>
//			server_name <name>
//		}
//	}
//
// Every option may be given once; tls needs no block.
func (m *RedisStore) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the name
	if m.Addresses = d.RemainingArgs(); len(m.Addresses) == 0 {
		return d.Errf("%s: dedup redis needs an address such as localhost:6379", directive)
	}
	return eachOption(d, "dedup", func(name string) error { return m.parseOption(d, name) })
}

func (m *RedisStore) parseOption(d *caddyfile.Dispenser, name string) error {
	switch name {
	case "username":
		return oneArg(d, &m.Username)
	case "password":
		return oneArg(d, &m.Password)
	case "database":
		return m.parseDatabase(d)
	case "cluster":
		m.Cluster = true
		return noArg(d)
	case "sentinel_master":
		return oneArg(d, &m.SentinelMaster)
	case "sentinel_username":
		return oneArg(d, &m.SentinelUsername)
	case "sentinel_password":
		return oneArg(d, &m.SentinelPassword)
	case "replicas":
		return m.parseReplicas(d)
	case "tls":
		m.TLS = new(RedisTLS)
		return m.TLS.parse(d)
	default:
		return unknownOption(d, "dedup option", name, slices.Concat(dedupOptions, redisOptions))
	}
}

// parseDatabase reads the number of a database, the first of which is 0.
func (m *RedisStore) parseDatabase(d *caddyfile.Dispenser) error {
	var text string
	if err := oneArg(d, &text); err != nil {
		return err
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return d.Errf("%s: database %q is not a number such as 0", directive, text)
	}
	m.Database = n
	return nil
}

func (m *RedisStore) parseReplicas(d *caddyfile.Dispenser) error {
	values := d.RemainingArgs()
	if len(values) != 1 && len(values) != 2 {
		return d.Errf("%s: replicas takes a number, and how long to wait for them", directive)
	}
	n, err := strconv.Atoi(values[0])
	if err != nil || n <= 0 {
		return d.Errf("%s: replicas %q is not a positive number", directive, values[0])
	}
	m.Replicas = n
	if len(values) == 2 {
		return parseDuration(d, "replicas", values[1], &m.ReplicaTimeout)
	}
	return nil
}

// parse reads the block of tls, which may be missing.
func (c *RedisTLS) parse(d *caddyfile.Dispenser) error {
	if err := noArg(d); err != nil {
		return err
	}
	return eachOption(d, "dedup tls", func(name string) error { return c.parseOption(d, name) })
}

func (c *RedisTLS) parseOption(d *caddyfile.Dispenser, name string) error {
	switch name {
	case "ca":
		if c.CA = d.RemainingArgs(); len(c.CA) == 0 {
			return d.Errf("%s: tls ca needs a file", directive)
		}
		return nil
	case "certificate":
		if !d.AllArgs(&c.Certificate, &c.Key) {
			return d.Errf("%s: tls certificate takes a file and the file of its key", directive)
		}
		return nil
	case "server_name":
		return oneArg(d, &c.ServerName)
	default:
		return unknownOption(d, "tls option", name, tlsOptions)
	}
}
