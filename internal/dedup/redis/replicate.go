package redis

import (
	"context"
	"fmt"
	"runtime"

	"github.com/redis/rueidis"
)

// replicate carries out a batch of commits that replicas must have: on a connection of their own, and with one WAIT behind
// them all. WAIT speaks of what its connection wrote, and would hold up whoever shares it. As long as every connection is
// taken, more commits join: replicas that do not answer cost all of them the same wait and not each its own.
func (b *batches) replicate(x *batch) {
	runtime.Gosched()
	ctx, cancel := context.WithTimeout(context.Background(), b.store.opts.Timeout)
	defer cancel()
	client, err := b.store.conn.get(ctx)
	if err != nil {
		b.close(x)
		b.fail(x, err)
		return
	}
	_ = client.Dedicated(func(d rueidis.DedicatedClient) error {
		b.close(x)
		ctx, cancel := context.WithTimeout(context.Background(), b.store.opts.replicatedTimeout())
		defer cancel()
		b.sendReplicated(ctx, d, x.calls, (*script).byHash)
		return nil
	})
}

// sendReplicated sends commits and WAIT with one write. Those whose script the server does not know are sent once more, as
// text.
func (b *batches) sendReplicated(ctx context.Context, d rueidis.DedicatedClient, calls []*scriptCall, build builder) {
	commands := make([]rueidis.Completed, 0, len(calls)+1)
	for _, c := range calls {
		commands = append(commands, build(c.script, d, c.key, c.args))
	}
	opts := b.store.opts
	wait := d.B().Wait().Numreplicas(int64(opts.Replicas)).Timeout(opts.ReplicaTimeout.Milliseconds()).Build()
	answers := d.DoMulti(ctx, append(commands, wait)...)
	short := replicated(answers[len(calls)], opts.Replicas)
	var unknown []*scriptCall
	for i, c := range calls {
		m, err := message(answers[i])
		switch {
		case unknownScript(err):
			unknown = append(unknown, c)
		case err == nil && changed(m):
			b.finish(c, reply{RedisMessage: m}, short)
		default: // nothing was written: no replica can lack it
			b.finish(c, reply{RedisMessage: m}, err)
		}
	}
	if len(unknown) > 0 {
		b.sendReplicated(ctx, d, unknown, (*script).byText)
	}
}

// replicated reads the answer to WAIT.
func replicated(r rueidis.RedisResult, want int) error {
	n, err := r.AsInt64()
	switch {
	case err != nil:
		return fmt.Errorf("waiting for replicas: %w", err)
	case n < int64(want):
		return fault(Replicas, fmt.Errorf("%d of %d have it", n, want))
	}
	return nil
}
