package caddymodule

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash"
	"log/slog"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/darihook/darihook/internal/dedup"
	"github.com/darihook/darihook/internal/dedup/redis"
)

func init() { caddy.RegisterModule(new(RedisStore)) }

// RedisStore remembers deliveries in a Redis (7.0 or newer) or Valkey server, so that the gates of many machines
// deduplicate together. A server that answers and is the wrong one, or refuses the user, keeps the configuration from
// loading; one that does not answer does not, and is checked when it does. Addresses, names, passwords and paths take
// placeholders, which are resolved when the configuration is loaded.
type RedisStore struct {
	// Addresses are the servers, as host:port: the only one, seeds of a Cluster, or the Sentinels. Required.
	Addresses []string `json:"addresses,omitempty"`

	// SentinelMaster is the name of the master set that the Sentinels at the addresses watch. Default: no Sentinels.
	SentinelMaster string `json:"sentinel_master,omitempty"`

	// SentinelUsername is the ACL user of the Sentinels, which have users of their own. Default: their default user.
	SentinelUsername string `json:"sentinel_username,omitempty"`

	// SentinelPassword authenticates with the Sentinels: a text, or one placeholder: {env.NAME} or {file./path}. Default: none.
	SentinelPassword string `json:"sentinel_password,omitempty"`

	// Cluster tells that the addresses are nodes of a Cluster.
	Cluster bool `json:"cluster,omitempty"`

	// Username is the ACL user. Default: the server's default user.
	Username string `json:"username,omitempty"`

	// Password authenticates the user: a text, or one placeholder: {env.NAME} or {file./path}. A placeholder stays
	// unresolved in the configuration's dump. Default: none.
	Password string `json:"password,omitempty"`

	// Database is the number of the database; a Cluster has only 0. Default: 0.
	Database int `json:"database,omitempty"`

	// TLS encrypts the connections, those to Sentinels too. Default: plain TCP.
	TLS *RedisTLS `json:"tls,omitempty"`

	// Replicas is the number of replicas that must have a commit before it counts. Default: 0.
	Replicas int `json:"replicas,omitempty"`

	// ReplicaTimeout is how long to wait for them; at most three times the gate's timeout for the store. Default: 100
	// milliseconds.
	ReplicaTimeout caddy.Duration `json:"replica_timeout,omitempty"`

	opts     redis.Options
	settings hash.Hash // of all that is resolved, passwords included
	literals []string  // the options whose passwords the configuration's dump shows
	open     []string  // paths of files with a password or a key that everyone may read
}

// CaddyModule returns the Caddy module information.
func (*RedisStore) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  storeNamespace + ".redis",
		New: func() caddy.Module { return new(RedisStore) },
	}
}

// SetTimeout bounds the time to an answer of every call, as the gate's own timeout does. It is called before Address and
// Open. Zero stands for the default, 250 milliseconds.
func (m *RedisStore) SetTimeout(timeout time.Duration) { m.opts.Timeout = timeout }

// Address is where the server is, and a number that tells apart settings that differ in anything else: a new password
// opens the store anew. Nothing in it derives from a password.
func (m *RedisStore) Address() string {
	place := strings.Join(m.opts.Addresses, ",")
	if m.opts.SentinelMaster != "" {
		place += "/" + m.opts.SentinelMaster
	}
	place = fmt.Sprintf("%s/%d", place, m.opts.Database)
	return fmt.Sprintf("%s#%d", place, redisSettings.number(place, m.fingerprint()))
}

// Open opens the store. A server that is away is left for later, and one that cannot do its part is refused.
func (m *RedisStore) Open(logger *slog.Logger) (Store, error) {
	for _, name := range m.literals {
		logger.Warn("a password is written in the configuration, whose dump shows it: use {env.NAME} or {file./path} instead",
			slog.String("option", name))
	}
	for _, path := range m.open {
		logger.Warn(openToAll, slog.String("path", path))
	}
	if timeout := cmp.Or(m.opts.Timeout, redis.DefaultTimeout); m.opts.ReplicaTimeout > maxReplicaTimeouts*timeout {
		return nil, fmt.Errorf("replicas may take %s and the store %s: raise timeout to a third of the former",
			m.opts.ReplicaTimeout, timeout)
	}
	m.opts.Logger = logger
	store, err := redis.Open(context.Background(), m.opts)
	if err != nil {
		return nil, err
	}
	if err := inspectRedis(store, logger); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return store, nil
}

// maxReplicaTimeouts is how many times its timeout the gate gives the replicas within a commit.
const maxReplicaTimeouts = 3

// inspectRedis has a server go through all that a delivery needs, and refuses one that only the operator can put right.
func inspectRedis(store *redis.Store, logger *slog.Logger) error {
	server, err := store.Check(context.Background())
	if fault, ok := errors.AsType[*redis.Error](err); ok && (fault.Reason == redis.WrongServer || fault.Reason == redis.Denied) {
		return err
	}
	switch {
	case errors.Is(err, dedup.ErrTooFewCopies):
		logger.Warn("too few redis replicas: deliveries are processed, and their commits are on the primary alone; a failover may lose them",
			slog.Any("error", err))
	case err != nil:
		logger.Warn("redis unavailable at start: deliveries are handled as on_unavailable says until it answers", slog.Any("error", err))
		return nil
	}
	for _, warning := range server.Warnings() {
		logger.Warn("the server may forget deliveries: " + warning)
	}
	return nil
}

// Adjust has nothing to do: a change of any setting opens a store of its own.
func (*RedisStore) Adjust(Store) error { return nil }

// Interface guards.
var (
	_ StoreModule           = (*RedisStore)(nil)
	_ caddy.Provisioner     = (*RedisStore)(nil)
	_ caddyfile.Unmarshaler = (*RedisStore)(nil)
	_ timed                 = (*RedisStore)(nil)
)
