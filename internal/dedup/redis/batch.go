package redis

import (
	"context"
	"errors"
	"runtime"
	"sync"

	"github.com/darihook/darihook/internal/dedup"
	"github.com/redis/rueidis"
)

// batchSize bounds the calls of a batch, to a few times what the connection's buffer holds.
const batchSize = 256

// batches joins the calls of scripts that come at the same time. One at a time costs the server and this process more for
// system calls, goroutines and waking up than for what it does; a batch costs these once.
type batches struct {
	store *Store
	size  int          // of a batch, at most
	carry func(*batch) // carries a batch out, after it has closed it
	mu    sync.Mutex
	open  *batch // the one that takes further calls, if any
}

type batch struct{ calls []*scriptCall }

// scriptCall is one call of a script, in a slot of the store's.
type scriptCall struct {
	script  *script
	key     string
	args    []string
	results chan<- result[reply]
}

// init leaves the calls to a Cluster alone: the client answers none of a batch before all of its nodes have answered, so one
// node that is away would be the fault of all.
func (b *batches) init(s *Store, carry func(*batch)) {
	b.store, b.size, b.carry = s, batchSize, carry
	if s.opts.Cluster {
		b.size = 1
	}
}

// join adds a call to the batch that is open, or to a new one.
func (b *batches) join(c *scriptCall) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open == nil || len(b.open.calls) == b.size {
		b.open = new(batch)
		go b.carry(b.open)
	}
	b.open.calls = append(b.open.calls, c)
}

// close lets no more calls in.
func (b *batches) close(x *batch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open == x {
		b.open = nil
	}
}

// run carries out a batch, after whatever else is ready to run: on a busy machine that is who joins it, and on an idle one
// nobody, for whom it then does not wait.
func (b *batches) run(x *batch) {
	runtime.Gosched()
	b.close(x)
	ctx, cancel := context.WithTimeout(context.Background(), b.store.opts.Timeout)
	defer cancel()
	session, err := b.store.conn.get(ctx)
	if err != nil {
		b.fail(x, err)
		return
	}
	b.send(ctx, session, x.calls)
}

// fail ends the calls of a closed batch that were not sent.
func (b *batches) fail(x *batch, err error) {
	for _, c := range x.calls {
		b.finish(c, reply{}, dedup.Unchanged(err))
	}
}

// send sends calls with one write. Calls that end with an error, which is rare, are settled one by one, beside each other.
func (b *batches) send(ctx context.Context, s *session, calls []*scriptCall) {
	commands := make([]rueidis.Completed, len(calls))
	for i, c := range calls {
		commands[i] = c.script.byHash(s.client, c.key, c.args)
	}
	var unsettled sync.WaitGroup
	defer unsettled.Wait()
	for i, answer := range s.client.DoMulti(ctx, commands...) {
		m, err := message(answer)
		if err != nil {
			unsettled.Go(func() { b.settle(ctx, s, calls[i], err) })
			continue
		}
		b.finish(calls[i], reply{RedisMessage: m, session: s}, nil)
	}
}

// settle goes on after a first call that ended with an error: it sends the script itself to a server that does not know it,
// and calls once more when the connection was lost, or led to the wrong server. Every script may be repeated by the owner who
// asked for it: the second answer tells how things stand.
func (b *batches) settle(ctx context.Context, s *session, c *scriptCall, err error) {
	r := reply{session: s}
	if unknownScript(err) {
		r.RedisMessage, err = message(s.client.Do(ctx, c.script.byText(s.client, c.key, c.args)))
	}
	if err != nil && b.again(ctx, s, err) {
		r, err = b.repeat(ctx, c, err)
	}
	b.finish(c, r, err)
}

// again reports whether a call is worth a second attempt, while there is time for it: its connection has ended under it, or leads
// elsewhere than it should.
func (b *batches) again(ctx context.Context, s *session, err error) bool {
	conn := b.store.conn
	if b.store.opts.misled(err) {
		conn.drop(s)
	}
	return ctx.Err() == nil && (!conn.stands(s) || !answered(err) && !unsent(err) && !errors.Is(err, rueidis.ErrClosing))
}

// repeat makes the second attempt, in the session that there is by now.
func (b *batches) repeat(ctx context.Context, c *scriptCall, first error) (reply, error) {
	mayHaveRun := !answered(first) && !unsent(first)
	s, err := b.store.conn.get(ctx)
	switch {
	case err != nil && mayHaveRun:
		return reply{}, first // it tells more: it leaves open whether the script ran
	case err != nil:
		return reply{}, dedup.Unchanged(err)
	}
	m, err := c.script.once(ctx, s.client, c.key, c.args)
	if b.store.opts.misled(err) {
		b.store.conn.drop(s)
	}
	switch {
	case !mayHaveRun:
		return reply{m, s, nil}, err
	case err == nil:
		return reply{m, s, first}, nil
	case answered(err): // which says nothing about the first attempt
		return reply{}, fault(reasonOf(err), err)
	default:
		return reply{}, first
	}
}

// finish gives the slot back first, so that whoever has all results finds all slots free.
func (b *batches) finish(c *scriptCall, r reply, err error) {
	<-b.store.slots
	c.results <- result[reply]{r, err}
}
