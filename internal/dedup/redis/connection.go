package redis

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

const (
	// pause is how long a failed attempt to connect answers for the next ones.
	pause = 100 * time.Millisecond
	// pingInterval is how often a silent connection is tried.
	pingInterval = time.Second
	// bufferSize and queueScale size one connection: 64 KiB each way and 2^10 commands under way, far above what a
	// script call needs and far below the client's default of a megabyte.
	bufferSize = 64 << 10
	queueScale = 10
	// replicatedCommits is how many batches of commits wait for replicas at once, each on a connection of its own.
	replicatedCommits = 64
)

// connection is the way to the server. It is made at the first contact and only handed out once the server has been
// checked, so that no command ever runs on the wrong one. Afterwards the client keeps it up by itself.
type connection struct {
	opts   Options
	client atomic.Pointer[rueidis.Client]

	mu      sync.Mutex
	attempt chan struct{} // closed when the attempt under way ends
	err     error         // why the last attempt failed
	retry   time.Time     // when the next one may begin
	closed  bool
}

func newConnection(opts Options) *connection { return &connection{opts: opts} }

// get returns the client, waiting for the attempt to connect that is under way, or making one.
func (c *connection) get(ctx context.Context) (rueidis.Client, error) {
	if client := c.client.Load(); client != nil {
		return *client, nil
	}
	attempt, err := c.join()
	if err != nil {
		return nil, err
	}
	select {
	case <-attempt:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if client := c.client.Load(); client != nil { // of that attempt, or of a later one that has ended meanwhile
		return *client, nil
	}
	return nil, c.err
}

// join returns the attempt under way, or the last one's error as long as it is fresh.
func (c *connection) join() (<-chan struct{}, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.attempt != nil:
		return c.attempt, nil
	case c.closed:
		return nil, rueidis.ErrClosing
	case time.Now().Before(c.retry):
		return nil, c.err
	}
	c.attempt = make(chan struct{})
	go c.connect()
	return c.attempt, nil
}

func (c *connection) connect() {
	client, err := c.dial()
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil && c.closed {
		client.Close()
		err = rueidis.ErrClosing
	}
	if err == nil {
		c.client.Store(&client)
	}
	c.err, c.retry = err, time.Now().Add(pause)
	close(c.attempt)
	c.attempt = nil
}

func (c *connection) dial() (rueidis.Client, error) {
	client, err := rueidis.NewClient(c.clientOptions())
	if err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), 4*c.opts.Timeout)
		defer cancel()
		_, err = check(ctx, client, c.opts)
	}
	if err != nil {
		if client != nil {
			client.Close()
		}
		return nil, explain(err)
	}
	return client, nil
}

func (c *connection) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if client := c.client.Load(); client != nil {
		go (*client).Close() // it waits for answers that nobody wants any more
	}
}

// clientOptions ask for pipelining always: only then does a call end with its context, and a late answer does not cost
// the connection. The client must not repeat commands by itself; script.run knows when that is safe.
func (c *connection) clientOptions() rueidis.ClientOption {
	o := rueidis.ClientOption{
		InitAddress:         c.opts.Addresses,
		Username:            c.opts.Username,
		Password:            c.opts.Password.value,
		ClientName:          "darihook",
		ClientSetInfo:       rueidis.DisableClientSetInfo,
		SelectDB:            c.opts.Database,
		TLSConfig:           c.opts.TLS,
		Dialer:              net.Dialer{Timeout: c.opts.Timeout, KeepAlive: pingInterval},
		ConnWriteTimeout:    2 * c.opts.Timeout,
		ReadBufferEachConn:  bufferSize,
		WriteBufferEachConn: bufferSize,
		RingScaleEachConn:   queueScale,
		BlockingPoolSize:    replicatedCommits,
		ForceSingleClient:   !c.opts.Cluster,
		AlwaysPipelining:    true,
		DisableCache:        true,
		DisableRetry:        true,
		ClusterOption:       rueidis.ClusterOption{MaxMovedRedirections: 3},
	}
	if c.opts.SentinelMaster != "" {
		o.Sentinel = rueidis.SentinelOption{
			MasterSet:               c.opts.SentinelMaster,
			Username:                c.opts.SentinelUsername,
			Password:                c.opts.SentinelPassword.value,
			TLSConfig:               c.opts.TLS,
			Dialer:                  o.Dialer,
			TopologyRefreshInterval: 5 * time.Second,
		}
	}
	return o
}
