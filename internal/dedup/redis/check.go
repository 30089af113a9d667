package redis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/darihook/darihook/internal/dedup"
	"github.com/redis/rueidis"
)

// minVersion is the oldest major version of Redis that knows flags of scripts. Every Valkey is newer.
const minVersion = 7

// Server is what the server said about itself.
type Server struct {
	// Software is "redis" or "valkey".
	Software string
	// Version is its version, such as "7.0.15".
	Version string
	// Mode is "standalone", "cluster" or "sentinel".
	Mode string
	// Role is "master" or "slave".
	Role string
	// Eviction is the maxmemory-policy.
	Eviction string
	// AppendOnly tells that the append-only file is on.
	AppendOnly bool
	// process and history tell it from every other server, and from itself before a restart or a demotion.
	process, history string
}

// same reports whether two answers come from one server, which has been a primary all the time between them.
func (s Server) same(other Server) bool {
	return s.process == other.process && s.history == other.history
}

// Warnings tells what of the server's settings puts ids at risk, one sentence each; none is the good case.
func (s Server) Warnings() []string {
	var all []string
	if s.Eviction != "" && s.Eviction != "noeviction" {
		all = append(all, fmt.Sprintf("maxmemory-policy is %s: a full server drops ids early, and their deliveries run again; set noeviction", s.Eviction))
	}
	if !s.AppendOnly {
		all = append(all, "appendonly is off: a restart forgets what was committed since the last snapshot")
	}
	return all
}

// Check asks the server whether it can do its part: its version and kind, the format of its keys, and every command
// that a delivery needs, tried on a key of its own. It returns what the server said about itself.
func (s *Store) Check(ctx context.Context) (Server, error) {
	server, err := call(ctx, s, 4*s.opts.Timeout, func(ctx context.Context, c rueidis.Client) (Server, error) {
		return check(ctx, c, s.opts)
	})
	if err != nil {
		return server, err
	}
	return server, s.rehearse(ctx, checkKey())
}

// Probe takes a key of its own through the protocol and leaves nothing behind. It fails where a delivery would: a server
// that shows what it has and takes no writes is not well.
//
// Every node of a Cluster is tried. Where some fail and others do not, the error is [dedup.ErrSomeNodes] as well.
func (s *Store) Probe(ctx context.Context) error {
	keys := s.keyOfEachNode()
	faults := make([]error, len(keys))
	var asking sync.WaitGroup
	for i, key := range keys {
		asking.Go(func() { faults[i] = s.rehearse(ctx, key) })
	}
	asking.Wait()
	err := errors.Join(faults...)
	if slices.Contains(faults, nil) && err != nil {
		return fmt.Errorf("%w: %w", dedup.ErrSomeNodes, err)
	}
	return err
}

// checkScope holds the keys of rehearsals.
const checkScope = "darihook-check"

func checkKey() dedup.Key {
	return dedup.Key{Scope: checkScope, ID: fmt.Sprintf("%x", dedup.NewOwner())}
}

// rehearse takes one key through the protocol, to its end also where replicas lack the commit, which it then tells.
func (s *Store) rehearse(ctx context.Context, key dedup.Key) error {
	owner := dedup.NewOwner()
	outcome := dedup.Outcome{Status: 200, At: time.Now()}
	steps := []func() error{
		func() error { _, _, err := s.ask(ctx, claimScript, key, claimValue(owner), "10000"); return err },
		func() error { _, err := s.move(ctx, renewScript, key, owner, claimValue(owner), "10000"); return err },
		func() error { _, err := s.move(ctx, releaseScript, key, owner, claimValue(owner)); return err },
		func() error { _, _, err := s.ask(ctx, claimScript, key, claimValue(owner), "10000"); return err },
		func() error {
			_, err := s.move(ctx, commitScript, key, owner, claimValue(owner), doneValue(owner, outcome), "10000")
			return err
		},
		func() error { _, _, err := s.ask(ctx, lookupScript, key); return err },
		func() error { _, _, err := s.change(ctx, forgetScript, key); return err },
	}
	var fewCopies error
	for _, step := range steps {
		err := step()
		if errors.Is(err, dedup.ErrTooFewCopies) {
			fewCopies, err = err, nil
		}
		if err != nil {
			return fmt.Errorf("rehearsing a delivery: %w", err)
		}
	}
	return fewCopies
}

// check looks at every node that the client knows and the mark of the format. A node of a cluster that is away says
// nothing about the others, as long as one answers.
func check(ctx context.Context, c rueidis.Client, opts Options) (Server, error) {
	var seen Server
	var away error
	for _, node := range c.Nodes() {
		server, err := inspect(ctx, node)
		if err == nil {
			err = server.fits(opts)
		}
		switch {
		case err == nil:
			seen = server
		case opts.Cluster && !misconfigured(explain(err)):
			away = err
		default:
			return server, err
		}
	}
	if seen == (Server{}) {
		return seen, cmp.Or(away, wrongServer("it has no nodes"))
	}
	return seen, checkFormat(ctx, c)
}

func inspect(ctx context.Context, node rueidis.Client) (Server, error) {
	text, err := node.Do(ctx, node.B().Info().Build()).ToString()
	if err != nil {
		return Server{}, fmt.Errorf("asking for INFO: %w", err)
	}
	return parseInfo(text), nil
}

func parseInfo(text string) Server {
	fields := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = value
		}
	}
	s := Server{
		Software:   "redis",
		Version:    fields["redis_version"],
		Mode:       cmp.Or(fields["redis_mode"], fields["server_mode"]), // Valkey's name for it
		Role:       fields["role"],
		Eviction:   fields["maxmemory_policy"],
		AppendOnly: fields["aof_enabled"] == "1",
		process:    fields["run_id"],
		history:    fields["master_replid"],
	}
	if version, ok := fields["valkey_version"]; ok {
		s.Software, s.Version = "valkey", version
	}
	return s
}

// fits compares the server with the options.
func (s Server) fits(opts Options) error {
	major, _, _ := strings.Cut(s.Version, ".")
	switch n, err := strconv.Atoi(major); {
	case s.Mode == "sentinel":
		return wrongServer("it is a Sentinel: name the master set that it watches")
	case err != nil:
		return wrongServer("it does not tell its version")
	case n < minVersion:
		return wrongServer("%s %s is too old: Redis %d.0 or any Valkey is needed", s.Software, s.Version, minVersion)
	case opts.Cluster && s.Mode != "cluster":
		return wrongServer("it is no cluster node: leave cluster out")
	case !opts.Cluster && s.Mode == "cluster":
		return wrongServer("it is a node of a cluster: set cluster")
	case !opts.Cluster && s.Role == "slave":
		return fault(ReadOnly, fmt.Errorf("role %s", s.Role))
	}
	return nil
}

// checkFormat reads the mark that tells the format of all keys, and sets it where there is none.
func checkFormat(ctx context.Context, c rueidis.Client) error {
	have, err := c.Do(ctx, c.B().Get().Key(formatKey).Build()).ToString()
	switch {
	case rueidis.IsRedisNil(err):
		return setFormat(ctx, c)
	case err != nil:
		return fmt.Errorf("reading %s: %w", formatKey, err)
	case have != format:
		return otherFormat(have)
	}
	return nil
}

func otherFormat(have string) error {
	return wrongServer("its %s is %q and this program's is %q: use the program that wrote the keys, another database, or delete %s*",
		formatKey, have, format, prefix)
}

// setFormat leaves the mark out on a server that takes no writes now: it has no keys of ours to mistake.
func setFormat(ctx context.Context, c rueidis.Client) error {
	err := c.Do(ctx, c.B().Set().Key(formatKey).Value(format).Nx().Build()).Error()
	if err == nil || rueidis.IsRedisNil(err) || reasonOf(err) == OutOfMemory {
		return nil
	}
	return fmt.Errorf("writing %s: %w", formatKey, err)
}
