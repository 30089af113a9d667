package forward

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/valyala/fasthttp"
)

// The defaults of [Options].
const (
	DefaultMaxConns    = 1024
	DefaultTimeout     = 5 * time.Minute
	DefaultDialTimeout = 3 * time.Second
	DefaultKeepAlive   = time.Minute
	DefaultMaxHeader   = 1 << 20
)

// Options are the settings of a Client.
type Options struct {
	// Address is where the receiver listens.
	Address Address
	// MaxConns bounds the connections, and with them the deliveries at the receiver at once. Default: DefaultMaxConns.
	MaxConns int
	// Timeout bounds one delivery, from its first byte to the last of its answer. A receiver that takes longer may be at
	// work still when the delivery's next copy comes. Default: DefaultTimeout.
	Timeout time.Duration
	// DialTimeout bounds the making of a connection, and the wait for one while MaxConns are in use. Default:
	// DefaultDialTimeout.
	DialTimeout time.Duration
	// KeepAlive is how long an unused connection is kept. Default: DefaultKeepAlive.
	KeepAlive time.Duration
	// MaxHeader is the longest header of an answer, in bytes. Default: DefaultMaxHeader.
	MaxHeader int
}

// Client takes deliveries to one receiver. It is safe for concurrent use.
type Client struct {
	opts Options
	pool *fasthttp.HostClient
}

// New returns a Client. It connects when the first delivery comes.
func New(opts Options) *Client {
	opts.MaxConns = cmp.Or(opts.MaxConns, DefaultMaxConns)
	opts.Timeout = cmp.Or(opts.Timeout, DefaultTimeout)
	opts.DialTimeout = cmp.Or(opts.DialTimeout, DefaultDialTimeout)
	opts.KeepAlive = cmp.Or(opts.KeepAlive, DefaultKeepAlive)
	opts.MaxHeader = cmp.Or(opts.MaxHeader, DefaultMaxHeader)
	c := &Client{opts: opts}
	c.pool = &fasthttp.HostClient{
		Addr:                opts.Address.Host,
		DialTimeout:         c.dial,
		MaxConns:            opts.MaxConns,
		MaxConnWaitTimeout:  opts.DialTimeout,
		MaxIdleConnDuration: opts.KeepAlive,
		ConnPoolStrategy:    fasthttp.LIFO, // so that those beyond the need fall idle
		ReadBufferSize:      readBuffer,
	}
	return c
}

// Address is where the receiver listens.
func (c *Client) Address() Address { return c.opts.Address }

// Timeout bounds one delivery at the receiver.
func (c *Client) Timeout() time.Duration { return c.opts.Timeout }

// Close closes the connections that are not in use. Those that are follow when they have been unused for KeepAlive.
func (c *Client) Close() { c.pool.CloseIdleConnections() }

// The errors of Deliver. After ErrBusy and ErrDial the receiver has seen nothing of the delivery; after the others it
// may have processed it.
var (
	// ErrBusy: all connections were in use for too long.
	ErrBusy = errors.New("all connections to the receiver are in use")
	// ErrDial: no connection could be made.
	ErrDial = errors.New("connecting to the receiver")
	// ErrTimeout: the receiver has not answered in time.
	ErrTimeout = errors.New("the receiver has not answered in time")
	// ErrExchange: the connection broke, or what came back is no answer.
	ErrExchange = errors.New("exchange with the receiver")
	// ErrStopped: the delivery's Stop has ended it.
	ErrStopped = errors.New("stopped before the receiver has answered")
	// ErrCut: the answer ended early, after its header was passed on.
	ErrCut = errors.New("the receiver's answer ended early")
)

// Delivery is a request that is to be sent.
type Delivery struct {
	*http.Request
	// Body is the whole body. It is not looked at any more once Deliver has returned.
	Body []byte
	// TrustForwarded keeps what the request's X-Forwarded fields say of the hops before this one.
	TrustForwarded bool
	// Stop ends the exchange from elsewhere. Nil: nothing does but Timeout.
	Stop *Stop
}

// Deliver sends a delivery and copies the answer to w, whose errors it takes for the receiver's: w must not return those
// of a sender that has hung up. The request's context is not looked at: Timeout and Stop alone bound what has begun. Errors:
// those above.
func (c *Client) Deliver(w http.ResponseWriter, d Delivery) error {
	ex, err := c.begin()
	if err != nil {
		return err
	}
	defer ex.end()
	d.Stop.hold(ex.conn)
	defer d.Stop.letGo() // before the connection is given back
	err = ex.run(w, d)
	switch {
	case err == nil, errors.Is(err, ErrCut):
		return err
	case ex.conn.stopped.Load():
		return ErrStopped
	case isTimeout(err):
		return ErrTimeout
	default:
		return fmt.Errorf("%w: %w", ErrExchange, err)
	}
}

// isTimeout tells the end of a time from other errors; fasthttp has an error of its own for it.
func isTimeout(err error) bool {
	timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && timeout.Timeout()
}

// exchange is one delivery on its connection.
type exchange struct {
	conn      *conn
	host      string // what a request without a host is for
	maxHeader int
	reader    *bufio.Reader
	writer    *bufio.Writer
	sound     bool // the connection is fit for another delivery
	odd       bool // a name is followed by a blank, so that others may not take it for that name
	release   func(sound bool)
}

// begin takes a connection. One that the receiver has closed, or has said something on that nobody asked for, is no good.
func (c *Client) begin() (*exchange, error) {
	for {
		cc, err := c.pool.AcquireConn(c.opts.DialTimeout, false)
		if err != nil {
			return nil, c.noConnection(err)
		}
		nc := cc.Conn().(*conn) // dial makes no other
		if nc.used && !nc.quiet() || nc.begin(time.Now().Add(c.opts.Timeout)) != nil {
			c.pool.CloseConn(cc)
			continue
		}
		reader, writer := c.pool.AcquireReader(nc), c.pool.AcquireWriter(nc)
		ex := &exchange{conn: nc, host: c.opts.Address.authority(), maxHeader: c.opts.MaxHeader, reader: reader, writer: writer}
		ex.release = func(sound bool) {
			c.pool.ReleaseReader(reader)
			c.pool.ReleaseWriter(writer)
			if sound {
				c.pool.ReleaseConn(cc)
			} else {
				c.pool.CloseConn(cc)
			}
		}
		return ex, nil
	}
}

// noConnection tells a pool that is used up from a receiver that cannot be reached.
func (c *Client) noConnection(err error) error {
	if errors.Is(err, fasthttp.ErrNoFreeConns) || errors.Is(err, fasthttp.ErrTimeout) {
		return fmt.Errorf("%w: %d", ErrBusy, c.opts.MaxConns)
	}
	return fmt.Errorf("%w: %w", ErrDial, err)
}

// end gives the connection back, or closes it when it is no good any more.
func (e *exchange) end() { e.release(e.sound && e.reader.Buffered() == 0 && !e.conn.stopped.Load()) }

// run sends the request and passes the answer on. A receiver may answer before it has read everything: what it says then
// counts, and the connection is of no further use. Where there is no answer, what kept the request from being sent is
// the reason.
func (e *exchange) run(w http.ResponseWriter, d Delivery) error {
	sendErr := e.send(d)
	err := e.receive(w, d.Method)
	e.sound = e.sound && sendErr == nil
	if err == nil || sendErr == nil || errors.Is(err, ErrCut) || errors.Is(sendErr, errEarly) {
		return err
	}
	return sendErr
}
