// Package dedup decides, for every delivery, who may hand it to the receiver.
//
// A key moves through three states:
//
//	           Claim                     Commit
//	absent ───────────────► in flight ───────────────► done
//	   ▲                      │    │                     │
//	   │   Release, lease out │    │ Renew               │
//	   └──────────────────────┘    └─► in flight         │
//	   └──────────────────────── time-to-live out, Forget┘
//
// Only the owner of a claim, proved by its token, may renew, commit or release it. A claim whose lease has run out
// belongs to nobody: the next Claim takes it over, and the late owner's transitions answer [ErrNotOwner]. As long as nobody
// has, the late owner's Commit still makes the key done: the receiver has succeeded, and a copy must not run again. A claim
// need not outlive the process that holds it, since losing it is releasing it; a commit must survive whatever the backend
// promises to survive.
//
// The backends live in the packages below this one and never import each other. Every backend passes the behaviour set
// of package deduptest.
package dedup

import (
	"context"
	"crypto/rand"
	"errors"
	"time"
)

// MaxIDLength is the longest [Key.ID] that a store accepts, in bytes. Backends may rely on it to bound a record.
const MaxIDLength = 512

// MaxScopeLength is the longest [Key.Scope] that a store accepts, in bytes.
const MaxScopeLength = 64

// Key names one delivery. Deliveries with equal keys are copies of each other.
type Key struct {
	// Scope separates the ids of unrelated gates in one store. It comes from configuration, never from a request.
	// It must not be empty, nor longer than [MaxScopeLength], nor contain a NUL byte.
	Scope string
	// ID is the delivery's id, taken from signed content. It must not be empty, nor longer than [MaxIDLength].
	ID string
}

// Owner is the token that proves a claim: 128 random bits, made anew for every attempt.
type Owner [16]byte

// NewOwner returns a fresh random token.
func NewOwner() Owner {
	var o Owner
	rand.Read(o[:]) // never fails: crypto/rand ends the process instead
	return o
}

// State is where a key stands.
type State uint8

// The states of a key.
const (
	// Absent: nothing is known of the key, or what was known has expired.
	Absent State = iota
	// InFlight: an owner works on it and its lease has not run out.
	InFlight
	// Done: a commit recorded its outcome and the time-to-live has not run out.
	Done
)

// Outcome is what a commit records and what later copies are answered with.
type Outcome struct {
	// Status is the receiver's HTTP status, 200 to 999: one below is no answer.
	Status int
	// At is when the receiver answered. Stores keep at least millisecond precision.
	At time.Time
}

// Record is what a store knows about a key.
type Record struct {
	Key   Key
	State State
	// Outcome is set when State is Done.
	Outcome Outcome
	// Expires is when the lease (InFlight) or the time-to-live (Done) runs out.
	Expires time.Time
	// Here tells that a claim (InFlight) was made by this process.
	Here bool
}

// Claim is the answer to [Store.Claim].
type Claim struct {
	// Acquired tells that the caller owns the key until its lease runs out and must renew, commit or release it.
	Acquired bool
	// Record is the standing of the key when the claim was not acquired: InFlight or Done.
	Record Record
}

// The sentinels of this package. A backend wraps its own faults; whatever is not one of these means that the question
// could not be decided.
var (
	// ErrNotOwner answers a Renew, Commit or Release whose token does not own the key: the lease ran out, or the key
	// was taken over, or it is done already.
	ErrNotOwner = errors.New("claim not owned")
	// ErrKey answers a key that breaks the rules of [Key].
	ErrKey = errors.New("invalid key")
	// ErrOutcome answers a Commit whose outcome breaks the rules of [Outcome].
	ErrOutcome = errors.New("invalid outcome")
	// ErrFull answers a Claim that would exceed the store's bound.
	ErrFull = errors.New("store full")
	// ErrTooFewCopies answers a Commit whose outcome is recorded, and in fewer places than the store was told to.
	ErrTooFewCopies = errors.New("too few copies")
	// ErrUnchanged is wrapped by a fault after which the store is certainly as it was: the call was never sent, or it was
	// refused. After a fault without it, the call may still take effect. See [Unchanged].
	ErrUnchanged = errors.New("nothing changed")
	// ErrClosed answers every call after Close.
	ErrClosed = errors.New("store closed")
	// ErrSomeNodes is the fault of a [Sharded] store some of whose servers, and not all, cannot answer.
	ErrSomeNodes = errors.New("some nodes of the store cannot answer")
	// ErrRecord is a fault of one key's record, which cannot be read. It says nothing about other keys.
	ErrRecord = errors.New("unreadable record")
	// ErrFailed is a fault that no repetition ends: the store answers it until it is opened anew.
	ErrFailed = errors.New("store failed")
)

// Unchanged makes a fault wrap [ErrUnchanged], with the same text.
func Unchanged(fault error) error { return unchanged{fault} }

type unchanged struct{ error }

func (u unchanged) Unwrap() []error { return []error{u.error, ErrUnchanged} }

// Store is the protocol that every backend speaks. Its methods are safe for concurrent use, return as soon as ctx is
// done, and measure leases and times-to-live by their own clock.
type Store interface {
	// Claim makes owner the owner of key for lease when the key is absent, and tells how the key stands otherwise.
	// A repeated Claim with the token that already owns the key is acquired again with a new lease, so a caller whose
	// first answer was lost may ask again. Errors: ErrKey, ErrFull, ErrClosed, or the backend's own fault.
	Claim(ctx context.Context, key Key, owner Owner, lease time.Duration) (Claim, error)

	// Renew extends the owner's lease to lease from now. Errors: ErrNotOwner, ErrKey, ErrClosed, or a fault.
	Renew(ctx context.Context, key Key, owner Owner, lease time.Duration) error

	// Commit records the outcome for ttl and ends the claim. When it returns nil the record survives what the backend
	// promises to survive, and no earlier copy of the truth is seen again. Committing again with the token that made
	// the commit is not an error and changes nothing: the first outcome stands. A key that is absent is recorded too,
	// whoever claimed it: a claim is committed after the receiver's success alone, so that a late Commit is true as long
	// as nobody has taken over. Errors: ErrNotOwner where somebody has, ErrKey, ErrOutcome, ErrFull, ErrClosed, or a
	// fault, after which the claim still runs out by itself; but for ErrTooFewCopies, after which the record stands and
	// a further Commit waits for its copies once more.
	Commit(ctx context.Context, key Key, owner Owner, outcome Outcome, ttl time.Duration) error

	// Release ends the claim without an outcome: the key is absent again. Errors: ErrNotOwner, ErrKey, ErrClosed, or
	// a fault, after which the claim still runs out by itself.
	Release(ctx context.Context, key Key, owner Owner) error

	// Wait blocks until the key is not known to be in flight any more, or ctx is done (its error is returned). It may
	// wake early; callers Claim again and look.
	Wait(ctx context.Context, key Key) error

	// Lookup tells how a key stands without changing it.
	Lookup(ctx context.Context, key Key) (Record, error)

	// Recent returns up to limit records of a scope (every scope when it is empty), the newest first as far as the
	// backend can tell: what is in flight, then what was committed last.
	Recent(ctx context.Context, scope string, limit int) ([]Record, error)

	// Forget drops a done record, so that a manual resend reaches the receiver again, and reports whether there was
	// one. A key in flight is left alone.
	Forget(ctx context.Context, key Key) (bool, error)

	// Stats tells what the store holds; cheap enough for every scrape of the metrics.
	Stats() Stats

	// Close ends the store. Calls under way end with ErrClosed or their result. A second Close does nothing.
	Close() error
}

// LossReporter is a [Store] that may find out that an outcome is gone which a [Store.Commit] of this process has recorded, and that
// the key is another owner's by then: a failover of its server lost it, and the delivery runs twice.
type LossReporter interface {
	// OnLoss has f called for each such key of a scope, until stop is called. Of several that ask for one scope, one is called.
	OnLoss(scope string, f func(Key)) (stop func())
}

// Sharded is what a [Store] is as well whose keys lie on several servers, each of which may fail by itself. Its methods do not
// ask the servers.
type Sharded interface {
	// Node names the server that has a key; "" while it is not known.
	Node(key Key) string
	// Nodes names all servers that have keys; none while they are not known.
	Nodes() []string
}

// Stats is what a store holds at one moment. A number that the backend does not know is negative.
type Stats struct {
	// InFlight is the number of claims held through this process.
	InFlight int64
	// Done is the number of done records.
	Done int64
	// Evicted is the number of done records dropped before their time-to-live, since the store was opened.
	Evicted int64
	// DiskBytes is the space taken on disk.
	DiskBytes int64
}
