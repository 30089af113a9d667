package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/darihook/darihook/internal/dedup"
	"github.com/redis/rueidis"
)

// session is a client that leads to one server, or to the nodes of one Cluster. It is never led elsewhere: when its server
// is the wrong one by now, or another one answers at its address, the session ends and the connection begins the next.
type session struct {
	client  rueidis.Client
	address string // empty for a Cluster
	lost    func(*session)

	mu      sync.Mutex
	server  Server // the first that answered
	sockets map[*socket]struct{}
	ended   bool
}

// socket is a connection that is known to its session, so that it can be cut at once: the client itself would wait for
// answers that must not count any more.
type socket struct {
	net.Conn
	session *session
}

// Close closes the connection.
func (s *socket) Close() error {
	s.session.forget(s)
	return s.Conn.Close()
}

// errOtherServer tells that a connection of a session has met another server than those before.
var errOtherServer = errors.New("another server answers at its address")

// newSession leads to a server, or with an empty address to a Cluster. lost is called when the session must not be used any more.
func newSession(ctx context.Context, opts Options, address string, lost func(*session)) (*session, error) {
	s := &session{address: address, lost: lost, sockets: make(map[*socket]struct{})}
	client, err := rueidis.NewClient(s.clientOptions(opts))
	if err == nil {
		s.client = client
		checking, cancel := context.WithTimeout(ctx, 4*opts.Timeout)
		defer cancel()
		_, err = check(checking, client, opts)
	}
	if err != nil {
		if client != nil {
			client.Close()
		}
		s.end()
		return nil, explain(err)
	}
	return s, nil
}

// clientOptions ask for pipelining always: only then does a call end with its context, and a late answer does not cost
// the connection. The client must not repeat commands by itself; batches.settle knows when that is safe.
func (s *session) clientOptions(opts Options) rueidis.ClientOption {
	addresses := opts.Addresses
	if s.address != "" {
		addresses = []string{s.address}
	}
	return rueidis.ClientOption{
		InitAddress:         addresses,
		Username:            opts.Username,
		Password:            opts.Password.value,
		ClientName:          clientName,
		ClientSetInfo:       rueidis.DisableClientSetInfo,
		SelectDB:            opts.Database,
		TLSConfig:           opts.TLS,
		Dialer:              opts.dialer(),
		DialCtxFn:           s.dial(opts),
		ConnWriteTimeout:    2 * opts.Timeout,
		ReadBufferEachConn:  bufferSize,
		WriteBufferEachConn: bufferSize,
		RingScaleEachConn:   queueScale,
		BlockingPoolSize:    replicatedCommits,
		ForceSingleClient:   !opts.Cluster,
		AlwaysPipelining:    true,
		DisableCache:        true,
		DisableRetry:        true,
		ClusterOption:       rueidis.ClusterOption{MaxMovedRedirections: 3},
	}
}

// dial makes every connection of the client: each is checked as the first one was.
func (s *session) dial(opts Options) func(context.Context, string, *net.Dialer, *tls.Config) (net.Conn, error) {
	return func(ctx context.Context, address string, dialer *net.Dialer, encrypt *tls.Config) (net.Conn, error) {
		conn, server, err := dial(ctx, address, opts, dialer, encrypt)
		if err != nil {
			return nil, dedup.Unchanged(explain(err))
		}
		known, err := s.add(conn, server, opts.Cluster)
		if err != nil {
			_ = conn.Close() // nothing was sent that matters
			s.lost(s)
			return nil, dedup.Unchanged(fault(Unreachable, err))
		}
		return known, nil
	}
}

// add takes a new connection into the session.
func (s *session) add(conn net.Conn, server Server, cluster bool) (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended:
		return nil, rueidis.ErrClosing
	case s.server == (Server{}):
		s.server = server
	case !cluster && !s.server.same(server):
		return nil, errOtherServer
	}
	known := &socket{conn, s}
	s.sockets[known] = struct{}{}
	return known, nil
}

func (s *session) forget(known *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sockets, known)
}

// met is the server that answered first.
func (s *session) met() Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.server
}

// end cuts all connections: no answer of the server counts from now on.
func (s *session) end() {
	s.mu.Lock()
	s.ended = true
	all := s.sockets
	s.sockets = make(map[*socket]struct{})
	s.mu.Unlock()
	for known := range all {
		_ = known.Conn.Close() // its calls end with an error of their own
	}
	if s.client != nil {
		go s.client.Close() // it waits for calls that are ending
	}
}

const (
	// clientName is how the server lists the gate's connections.
	clientName = "darihook"
	// pingInterval is how often a silent connection is tried.
	pingInterval = time.Second
	// bufferSize and queueScale size one connection: 64 KiB each way and 2^10 commands under way, far above what a
	// script call needs and far below the client's default of a megabyte.
	bufferSize = 64 << 10
	queueScale = 10
	// replicatedCommits is how many batches of commits wait for replicas at once, each on a connection of its own.
	replicatedCommits = 64
)

// dialer makes the connections, to Sentinels too.
func (o Options) dialer() net.Dialer { return net.Dialer{Timeout: o.Timeout, KeepAlive: pingInterval} }
