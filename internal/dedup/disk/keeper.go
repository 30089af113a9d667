package disk

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/darihook/darihook/internal/dedup"
)

const (
	// openTime is how long Open waits. A store that takes longer is unavailable until it is open.
	openTime = 5 * time.Second
	// closeTime is how long Close waits for the disk. Past it the directory stays locked until the disk has answered.
	closeTime = 5 * time.Second
	// retryInterval is the pause between two attempts to open; after a fault of an open engine it grows to retryMost.
	retryInterval = time.Second
	retryMost     = time.Minute
	// maxFailures is how many engines may fail in a process: each keeps up to 20 MiB, which nothing can take back from it.
	maxFailures = 16
)

// keeper keeps a session open. It opens the first, and after a fault of the disk the next one in its place, from what is on
// the disk, as another process would: nothing that was acknowledged depends on what the failed engine had in memory.
type keeper struct {
	path   string
	opts   Options
	claims *dedup.Claims
	log    *throttle
	cache  *pebble.Cache
	limit  atomic.Int64

	current  atomic.Pointer[session] // nil: unavailable, for the reason
	reason   atomic.Pointer[error]
	closing  chan struct{}
	closed   chan struct{} // closed after closeErr is set
	closeErr error

	// The rest is the goroutine's own.
	open     func() (*session, error)
	place    string      // the directory without symbolic links, as first found
	locks    []io.Closer // of the directory, and of the engine's within it
	sessions int         // that were opened
	failures int
}

// session is the time from one opening of the engine to its end.
type session struct {
	engine *engine
	writer *writer
	space  *space
}

func newKeeper(path string, opts Options) *keeper {
	k := &keeper{
		path:    path,
		opts:    opts,
		log:     newThrottle(opts.Logger),
		cache:   pebble.NewCache(cacheSize),
		closing: make(chan struct{}),
		closed:  make(chan struct{}),
	}
	k.open = k.openDirectory
	k.limit.Store(opts.MaxIDs)
	k.refuse(errOpening)
	return k
}

const logUnavailable = "deduplication store unavailable; retrying until the disk works"

// errOpening answers until the first attempt to open has ended.
var errOpening = fmt.Errorf("%w: not open yet: the disk has not answered", ErrUnavailable)

// start opens the first session, or leaves the store unavailable where the disk is to blame.
func (k *keeper) start() error {
	first := make(chan error, 1)
	go k.run(first)
	select {
	case err := <-first:
		return err
	case <-time.After(openTime):
		k.log.once(slog.LevelError, "deduplication store unavailable: opening takes too long; waiting for the disk", "path", k.path)
		return nil
	}
}

// running returns the session, or why there is none.
func (k *keeper) running() (*session, error) {
	if s := k.current.Load(); s != nil {
		return s, s.engine.fault()
	}
	return nil, *k.reason.Load()
}

func (k *keeper) refuse(reason error) {
	k.reason.Store(&reason)
	k.current.Store(nil)
}

// opening notes why a session that is being opened is not open yet.
func (k *keeper) opening(trouble error) {
	if k.current.Load() == nil {
		reason := named(fmt.Errorf("opening: writing a table: %w", trouble))
		k.reason.Store(&reason)
		k.log.error(logUnavailable, fmt.Errorf("%s: %w", k.path, reason))
	}
}

// stop closes the session and ends the goroutine. It waits no longer than closeTime.
func (k *keeper) stop() error {
	close(k.closing)
	select {
	case <-k.closed:
		return k.closeErr
	case <-time.After(closeTime):
		return fmt.Errorf("closing store: no answer from the disk within %s; the directory stays locked until there is one", closeTime)
	}
}

// run opens one session after another. The first attempt's error goes to first, but for a fault that may pass.
func (k *keeper) run(first chan<- error) {
	defer close(k.closed)
	for wait := k.opts.retry; ; {
		opened := time.Now()
		s, err := k.attempt()
		if first != nil {
			if err != nil && !passes(err) {
				first <- errors.Join(err, k.unlock())
				return
			}
			first <- nil
			first = nil
		}
		if err == nil {
			if err = k.watch(s); err == nil {
				k.closeErr = errors.Join(k.closeErr, k.unlock())
				return
			}
			wait = k.nextWait(wait, time.Since(opened))
		}
		k.unavailable(err)
		if !k.pause(wait) {
			k.closeErr = k.unlock()
			return
		}
	}
}

// nextWait is the pause after a session that lasted so long: twice the last one, unless that was long ago.
func (k *keeper) nextWait(last, lasted time.Duration) time.Duration {
	if lasted > 2*retryMost {
		return k.opts.retry
	}
	return min(2*last, retryMost)
}

// attempt opens a session.
func (k *keeper) attempt() (*session, error) {
	if k.failures >= maxFailures {
		return nil, fmt.Errorf("%w: %d disk faults since the process started; restart it once the disk is repaired", ErrFailed, k.failures)
	}
	s, err := k.open()
	if err != nil {
		return nil, err
	}
	if k.sessions++; k.sessions > 1 || !errors.Is(*k.reason.Load(), errOpening) {
		k.log.once(slog.LevelInfo, "deduplication store available again", "path", k.path)
	}
	k.current.Store(s)
	return s, nil
}

// watch waits for the end of a session: nil after the store was closed, or the fault that ended it.
func (k *keeper) watch(s *session) error {
	select {
	case <-k.closing:
		s.writer.stop()
		k.closeErr = s.engine.close()
	case <-s.engine.failed:
	}
	fault := s.engine.fault()
	if fault == nil {
		k.closeErr = errors.Join(k.closeErr, s.writer.progress.close())
		return nil
	}
	k.closeErr = nil
	k.unavailable(fault)
	k.abandon(s.engine)
	_ = s.writer.progress.close() // the next session opens it anew
	return fault
}

// abandon waits until a failed engine can change nothing any more.
func (k *keeper) abandon(e *engine) {
	k.failures++
	e.guard.drain()
}

// unavailable refuses with the reason and logs it.
func (k *keeper) unavailable(reason error) {
	k.refuse(reason)
	message := logUnavailable
	if errors.Is(reason, ErrFailed) {
		message = "deduplication store failed; restart once the disk is repaired"
	}
	k.log.error(message, fmt.Errorf("%s: %w", k.path, reason))
}

// pause reports false when the store is closed meanwhile.
func (k *keeper) pause(wait time.Duration) bool {
	select {
	case <-time.After(wait):
		return true
	case <-k.closing:
		return false
	}
}

func (k *keeper) unlock() (err error) {
	for _, lock := range slices.Backward(k.locks) {
		err = errors.Join(err, lock.Close())
	}
	k.locks = nil
	return err
}

// openDirectory opens the directory's engine, if there is room for what opening writes.
func (k *keeper) openDirectory() (*session, error) {
	if err := k.lockPlace(); err != nil {
		return nil, err
	}
	if err := newSpace(k.place, k.opts).enough(); err != nil {
		return nil, err
	}
	records, err := k.prepare()
	if err != nil {
		return nil, err
	}
	if err := k.lockRecords(records); err != nil {
		return nil, err
	}
	if err := tryOut(records, k.opts.files); err != nil {
		return nil, fmt.Errorf("trying out %s: %w", records, err)
	}
	e, err := openEngine(records, engineOptions{
		files: k.opts.files, log: k.log, cache: k.cache, trouble: k.opening, closing: k.closing, mustExist: true,
	})
	if err == nil {
		return k.beginMarked(e, newSpace(records, k.opts))
	}
	if e.fault() != nil {
		k.abandon(e)
	}
	return nil, fmt.Errorf("opening %s: %w", records, explain(err))
}

// lockPlace finds the directory, once, and locks it.
func (k *keeper) lockPlace() error {
	if k.place == "" {
		found, err := Find(k.path)
		if err != nil {
			return fmt.Errorf("finding store: %w", err)
		}
		k.place = found.path
	}
	if len(k.locks) > 0 {
		return nil
	}
	lock, err := lockDirectory(k.place, k.opts.files)
	if err == nil {
		k.locks = append(k.locks, lock)
	}
	return err
}

// lockRecords locks the engine's directory, for one engine after another. It still is locked when somebody removes the file
// by which the store's is.
func (k *keeper) lockRecords(records string) error {
	if len(k.locks) > 1 {
		return nil
	}
	lock, err := k.opts.files.Lock(k.opts.files.PathJoin(records, engineLockName))
	if err != nil {
		return explainLock(k.place, err)
	}
	k.locks = append(k.locks, lock)
	return nil
}

// prepare returns the engine's directory. Only the first session may make one: a directory that is gone later was taken away.
func (k *keeper) prepare() (string, error) {
	if k.sessions > 0 {
		return findRecords(k.place, k.opts.files)
	}
	return prepare(k.place, k.opts.files, k.abandon)
}

// beginMarked starts a session that says what is missing of what was written before it.
func (k *keeper) beginMarked(e *engine, space *space) (*session, error) {
	p, err := openProgress(k.opts.files.PathJoin(k.place, marksName), k.opts.files, k.log)
	if err != nil {
		return nil, errors.Join(err, k.end(e))
	}
	s, err := k.begin(e, space, p)
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	return s, nil
}

// end closes an engine, or abandons it when that fails it.
func (k *keeper) end(e *engine) error {
	err := e.close()
	if e.fault() != nil {
		k.abandon(e)
	}
	return err
}

// begin starts a session of an open engine.
func (k *keeper) begin(e *engine, space *space, p *progress) (*session, error) {
	w, err := newWriter(e, k.claims, space, &k.limit)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("reading records: %w", explain(err)), k.end(e))
	}
	if w.progress = p; p != nil {
		p.compare(k.place, w.mark())
	}
	go w.run()
	go space.watch(w.closing, e.failed)
	return &session{engine: e, writer: w, space: space}, nil
}
