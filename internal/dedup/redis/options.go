package redis

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"time"
)

// The defaults of [Options].
const (
	DefaultTimeout        = 250 * time.Millisecond
	DefaultReplicaTimeout = 100 * time.Millisecond
	DefaultMaxCalls       = 4096
)

// Options are the settings of [Open]. Placeholders are resolved by whoever fills them in.
type Options struct {
	// Addresses are the servers, as host:port: exactly one for a single server, one or more seeds for a Cluster, the
	// Sentinels when SentinelMaster is set. Required.
	Addresses []string
	// SentinelMaster is the name of the master set that the Sentinels at Addresses watch. Default: no Sentinels.
	SentinelMaster string
	// Cluster tells that Addresses are nodes of a Cluster. Default: false.
	Cluster bool

	// Username is the ACL user. Default: the server's default user.
	Username string
	// Password authenticates the user. Default: none.
	Password Secret
	// SentinelUsername and SentinelPassword authenticate with the Sentinels, which have users of their own. Default:
	// none.
	SentinelUsername string
	SentinelPassword Secret
	// Database is the number of the database; a Cluster has only 0. Default: 0.
	Database int
	// TLS turns TLS on, for the Sentinels too. Default: nil, plain TCP.
	TLS *tls.Config

	// Timeout bounds the time to an answer of every call, connecting included. Default: DefaultTimeout.
	Timeout time.Duration
	// Replicas is the number of replicas that must have a commit before it counts, asked for with WAIT. It narrows
	// what a failover can lose to what those replicas did not have; it does not close it. Default: 0.
	Replicas int
	// ReplicaTimeout is how long to wait for them, beyond Timeout. Default: DefaultReplicaTimeout.
	ReplicaTimeout time.Duration
	// Logger is told when the primary has changed, and what that may have cost. Default: nobody.
	Logger *slog.Logger
	// MaxCalls bounds the calls under way at once; more wait for their turn within Timeout. Default: DefaultMaxCalls.
	MaxCalls int
}

func (o Options) withDefaults() (Options, error) {
	o.Timeout = cmp.Or(o.Timeout, DefaultTimeout)
	o.ReplicaTimeout = cmp.Or(o.ReplicaTimeout, DefaultReplicaTimeout)
	o.MaxCalls = cmp.Or(o.MaxCalls, DefaultMaxCalls)
	o.Addresses = slices.Clone(o.Addresses)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, errors.Join(o.checkServers(), o.checkNumbers())
}

// replicatedTimeout bounds a commit that replicas must have.
func (o Options) replicatedTimeout() time.Duration { return o.Timeout + o.ReplicaTimeout }

func (o Options) checkServers() error {
	switch {
	case len(o.Addresses) == 0:
		return errors.New("no redis address")
	case o.Cluster && o.SentinelMaster != "":
		return errors.New("redis is either a cluster or watched by Sentinels, not both")
	case len(o.Addresses) > 1 && !o.Cluster && o.SentinelMaster == "":
		return errors.New("several redis addresses: set cluster, or name the master set of the Sentinels")
	case o.Cluster && o.Database != 0:
		return fmt.Errorf("redis database %d: a cluster has only database 0", o.Database)
	case o.SentinelMaster == "" && (o.SentinelUsername != "" || o.SentinelPassword.isSet()):
		return errors.New("credentials for Sentinels without the name of a master set")
	case o.Username != "" && !o.Password.isSet():
		return errors.New("redis user without a password")
	}
	return o.checkAddresses()
}

// checkAddresses never repeats an address: one in the form of a URL may hold a password.
func (o Options) checkAddresses() error {
	for i, address := range o.Addresses {
		host, port, err := net.SplitHostPort(address)
		if err != nil || host == "" || port == "" {
			return fmt.Errorf("redis address %d is not host:port; user and password are options of their own", i+1)
		}
	}
	return nil
}

func (o Options) checkNumbers() error {
	for name, n := range map[string]int64{
		"database": int64(o.Database), "timeout": int64(o.Timeout), "replicas": int64(o.Replicas),
		"replica timeout": int64(o.ReplicaTimeout), "number of calls": int64(o.MaxCalls),
	} {
		if n < 0 {
			return fmt.Errorf("negative redis %s", name)
		}
	}
	if o.Timeout < time.Millisecond || o.ReplicaTimeout < time.Millisecond {
		return errors.New("redis timeouts are at least 1ms")
	}
	return nil
}
