package redis

import (
	"context"
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
	client, err := b.store.conn.get(ctx)
	if err != nil {
		b.fail(x, err)
		return
	}
	b.send(ctx, client, x.calls)
}

// fail ends the calls of a closed batch that were not sent.
func (b *batches) fail(x *batch, err error) {
	for _, c := range x.calls {
		b.finish(c, reply{}, dedup.Unchanged(err))
	}
}

// send sends calls with one write. Calls that end with an error, which is rare, are settled one by one, beside each other.
func (b *batches) send(ctx context.Context, client rueidis.Client, calls []*scriptCall) {
	commands := make([]rueidis.Completed, len(calls))
	for i, c := range calls {
		commands[i] = c.script.byHash(client, c.key, c.args)
	}
	var unsettled sync.WaitGroup
	defer unsettled.Wait()
	for i, answer := range client.DoMulti(ctx, commands...) {
		m, err := message(answer)
		if err != nil {
			b.settle(ctx, client, calls[i], err, &unsettled)
			continue
		}
		b.finish(calls[i], reply{RedisMessage: m}, nil)
	}
}

func (b *batches) settle(ctx context.Context, client rueidis.Client, c *scriptCall, first error, unsettled *sync.WaitGroup) {
	unsettled.Go(func() {
		r, err := c.script.settle(ctx, client, c.key, c.args, first)
		b.finish(c, r, err)
	})
}

// finish gives the slot back first, so that whoever has all results finds all slots free.
func (b *batches) finish(c *scriptCall, r reply, err error) {
	<-b.store.slots
	c.results <- result[reply]{r, err}
}
