package disk

import (
	"context"

	"github.com/darihook/darihook/internal/dedup"
)

// request is a commit, or a forget when drop is set.
type request struct {
	key    dedup.Key
	record record
	drop   bool
	answer chan answer // of capacity 1: the writer never waits for a caller that has gone
}

type answer struct {
	dropped bool
	err     error
}

// commit writes the record of a pinned claim, and ends the claim or unpins it.
func (w *writer) commit(ctx context.Context, key dedup.Key, r record) error {
	a, sent := w.ask(ctx, key, r, false)
	if !sent || a.err != nil && w.engine.fault() != nil {
		w.claims.Unpin(key) // the writer never will
	}
	return a.err
}

// forget drops a live record and reports whether there was one.
func (w *writer) forget(ctx context.Context, key dedup.Key) (bool, error) {
	a, _ := w.ask(ctx, key, record{}, true)
	return a.dropped, a.err
}

// ask has a request carried out. When it was sent but ctx is done before the answer, it is still carried out.
func (w *writer) ask(ctx context.Context, key dedup.Key, r record, drop bool) (a answer, sent bool) {
	req := w.pool.Get().(*request)
	req.key, req.record, req.drop = key, r, drop
	select {
	case w.requests <- req:
		w.noteAsked()
	case <-ctx.Done():
		return answer{err: ctx.Err()}, false
	case <-w.stopped:
		return answer{err: dedup.ErrClosed}, false
	case <-w.engine.failed:
		return answer{err: w.engine.failure}, false
	}
	select {
	case a = <-req.answer:
		req.key = dedup.Key{}
		w.pool.Put(req)
		return a, true
	case <-ctx.Done():
		return answer{err: ctx.Err()}, true
	case <-w.stopped:
		return w.last(req), true
	case <-w.engine.failed:
		return answer{err: w.engine.failure}, true
	}
}

// last is the answer to a request that the writer's end overtook: it may have been answered just before.
func (w *writer) last(req *request) answer {
	select {
	case a := <-req.answer:
		return a
	default:
		w.claims.Unpin(req.key)
		return answer{err: dedup.ErrClosed}
	}
}
