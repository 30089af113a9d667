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
	s, err := b.store.conn.get(ctx)
	if err != nil {
		b.close(x)
		b.fail(x, err)
		return
	}
	_ = s.client.Dedicated(func(d rueidis.DedicatedClient) error {
		b.close(x)
		ctx, cancel := context.WithTimeout(context.Background(), b.store.opts.replicatedTimeout())
		defer cancel()
		to := node{s, d}
		for _, m := range b.sendReplicated(ctx, to, x.calls, (*script).byHash) {
			b.follow(ctx, s, m)
		}
		return nil
	})
}

// node is a connection that nobody shares, and its session.
type node struct {
	session *session
	rueidis.DedicatedClient
}

// moved is a commit whose slot another node of the Cluster has by now.
type moved struct {
	call *scriptCall
	to   string // the node's address
	err  error
}

// follow carries out a commit at the node that has its slot. The client follows by itself only with commands on a connection that
// all share.
func (b *batches) follow(ctx context.Context, s *session, m moved) {
	holder, known := s.client.Nodes()[m.to]
	if !known {
		b.finish(m.call, reply{}, fault(ClusterDown, m.err))
		return
	}
	_ = holder.Dedicated(func(d rueidis.DedicatedClient) error {
		for _, again := range b.sendReplicated(ctx, node{s, d}, []*scriptCall{m.call}, (*script).byHash) {
			b.finish(again.call, reply{}, fault(ClusterDown, again.err))
		}
		return nil
	})
}

// sendReplicated sends commits and WAIT with one write. Those whose script the server does not know are sent once more, as
// text. It returns those that another node must be asked for.
func (b *batches) sendReplicated(ctx context.Context, d node, calls []*scriptCall, build builder) (elsewhere []moved) {
	commands := make([]rueidis.Completed, 0, len(calls)+1)
	for _, c := range calls {
		commands = append(commands, build(c.script, d, c.key, c.args))
	}
	opts := b.store.opts
	wait := d.B().Wait().Numreplicas(int64(opts.Replicas)).Timeout(opts.ReplicaTimeout.Milliseconds()).Build()
	answers := d.DoMulti(ctx, append(commands, wait)...)
	short := replicated(answers[len(calls)], opts.Replicas)
	b.leave(d.session, short)
	var unknown []*scriptCall
	for i, c := range calls {
		m, err := message(answers[i])
		switch {
		case unknownScript(err):
			unknown = append(unknown, c)
		case newNode(err) != "":
			elsewhere = append(elsewhere, moved{c, newNode(err), err})
		case err == nil && changed(m):
			b.finish(c, reply{RedisMessage: m, session: d.session}, short)
		default: // no answer, or one that nothing was written: there is nothing that replicas could lack
			b.leave(d.session, err)
			b.finish(c, reply{RedisMessage: m, session: d.session}, err)
		}
	}
	if len(unknown) > 0 {
		elsewhere = append(elsewhere, b.sendReplicated(ctx, d, unknown, (*script).byText)...)
	}
	return elsewhere
}

// leave drops a session that leads to the wrong server. The commits are offered again by whoever made them.
func (b *batches) leave(s *session, err error) {
	if b.store.opts.misled(err) {
		b.store.conn.drop(s)
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
