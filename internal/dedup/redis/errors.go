package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"

	"github.com/darihook/darihook/internal/dedup"
	"github.com/redis/rueidis"
)

// Reason sorts the faults of this store: a short name, one of a fixed set, fit for the label of a metric.
type Reason string

// The reasons.
const (
	Timeout     Reason = "timeout"
	Unreachable Reason = "unreachable"
	Denied      Reason = "denied"
	ReadOnly    Reason = "read_only"
	Loading     Reason = "loading"
	OutOfMemory Reason = "out_of_memory"
	ClusterDown Reason = "cluster_down"
	DiskFault   Reason = "disk_fault"
	Busy        Reason = "busy"
	NoReplicas  Reason = "no_replicas"
	Replicas    Reason = "replicas"
	WrongServer Reason = "wrong_server"
	Unexpected  Reason = "unexpected"
)

// advice says what to change, for every reason.
var advice = map[Reason]string{
	Timeout:     "redis did not answer in time: see whether it is overloaded or paused, or raise the timeout",
	Unreachable: "redis cannot be reached: see whether it runs, and the address",
	Denied:      "redis refuses the user: check user name, password, and the ACL rule",
	ReadOnly:    "redis is a read-only replica: name the primary, or use Sentinel or Cluster mode",
	Loading:     "redis is loading its data: it will answer when it is done",
	OutOfMemory: "redis is out of memory: raise maxmemory or shorten the time-to-live",
	ClusterDown: "the redis cluster does not serve this key: see CLUSTER INFO",
	DiskFault:   "redis refuses writes since it cannot persist them: see its log and disk",
	Busy:        "redis is busy with a script of another client: see SCRIPT KILL",
	NoReplicas:  "redis refuses writes since too few replicas follow it: see them, and its min-replicas-to-write",
	Replicas:    "redis recorded the commit, but too few replicas have it in time",
	WrongServer: "this is not the redis server that was configured",
	Unexpected:  "redis answered something unexpected",
}

// Error is a fault of the server or of the way to it: the question could not be decided. It contains no password, no
// id and no token.
type Error struct {
	// Reason is why.
	Reason Reason
	cause  error
}

// Error tells what to change and what happened.
func (e *Error) Error() string {
	if e.cause == nil {
		return advice[e.Reason]
	}
	return advice[e.Reason] + ": " + e.cause.Error()
}

// Unwrap returns the cause; when the server is out of memory, [dedup.ErrFull] as well, and when replicas lack a commit,
// [dedup.ErrTooFewCopies].
func (e *Error) Unwrap() []error {
	switch e.Reason {
	case OutOfMemory:
		return []error{dedup.ErrFull, e.cause}
	case Replicas:
		return []error{dedup.ErrTooFewCopies, e.cause}
	default:
		return []error{e.cause}
	}
}

func fault(reason Reason, cause error) error { return &Error{reason, cause} }

// codes are the first words of the server's errors.
var codes = map[string]Reason{
	"READONLY":    ReadOnly,
	"LOADING":     Loading,
	"OOM":         OutOfMemory,
	"CLUSTERDOWN": ClusterDown,
	"TRYAGAIN":    ClusterDown,
	"ASK":         ClusterDown,
	"MASTERDOWN":  ReadOnly,
	"UNBLOCKED":   ReadOnly, // it was demoted while a call waited
	"MOVED":       WrongServer,
	"NOAUTH":      Denied,
	"WRONGPASS":   Denied,
	"NOPERM":      Denied,
	"MISCONF":     DiskFault,
	"NOREPLICAS":  NoReplicas,
	"BUSY":        Busy,
	"UNKILLABLE":  Busy,
	"WRONGTYPE":   WrongServer,
}

// phrases are what errors say that have no word of their own.
var phrases = map[string]Reason{
	"cluster support disabled":        WrongServer,
	"unknown command 'SENTINEL'":      WrongServer,
	"unknown command `SENTINEL`":      WrongServer,
	"can't run this command":          Denied, // from within a script
	"ACL failure in script":           Denied, // the same, as Valkey says it
	"without any password":            Denied,
	"invalid password":                Denied,
	"DB index is out of range":        WrongServer,
	"SELECT is not allowed":           WrongServer,
	"No such master":                  WrongServer,
	"first record does not look like": WrongServer,
}

// explain says what an error of the client or the server means, and marks one after which nothing can have changed: the server
// has refused the command, or there was no connection to send it on.
func explain(err error) error {
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	if answered(err) && strings.HasPrefix(err.Error(), "WRONGTYPE") {
		err = fmt.Errorf("%w: %w", dedup.ErrRecord, err) // of the one key
	}
	if answered(err) || notDialed(err) {
		return fault(reasonOf(err), dedup.Unchanged(err))
	}
	return fault(reasonOf(err), err)
}

// answered tells the server's own errors.
func answered(err error) bool {
	_, ok := errors.AsType[*rueidis.RedisError](err)
	return ok
}

func notDialed(err error) bool {
	dial, ok := errors.AsType[*net.OpError](err)
	return ok && dial.Op == "dial"
}

func reasonOf(err error) Reason {
	if e, ok := errors.AsType[*rueidis.RedisError](err); ok {
		return reasonOfText(e.Error())
	}
	if e, ok := errors.AsType[serverError](err); ok {
		return reasonOfText(e.Error())
	}
	if reason := reasonOfText(err.Error()); reason != Unexpected {
		return reason
	}
	netErr, isNet := errors.AsType[net.Error](err)
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case untrusted:
		return WrongServer
	case errors.Is(err, context.DeadlineExceeded), isNet && netErr.Timeout():
		return Timeout
	case isNet, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, rueidis.ErrClosing), errors.Is(err, rueidis.ErrNoSlot):
		return Unreachable
	}
	return Unexpected
}

func reasonOfText(text string) Reason {
	code, _, _ := strings.Cut(text, " ")
	if reason, known := codes[code]; known {
		return reason
	}
	for phrase, reason := range phrases {
		if strings.Contains(text, phrase) {
			return reason
		}
	}
	return Unexpected
}

// misconfigured tells faults that only the operator can end from those that end by themselves.
func misconfigured(err error) bool { return hasReason(err, WrongServer, Denied) }

// hasReason reports whether an error is a fault of this store's with one of some reasons.
func hasReason(err error, reasons ...Reason) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && slices.Contains(reasons, e.Reason)
}

// misled tells answers that mean: this connection leads to the wrong server, or to one that will not answer. A Cluster tells by
// itself where to go, and one of its nodes says nothing about the others.
func (o Options) misled(err error) bool {
	switch {
	case err == nil:
		return false
	case strings.HasPrefix(textOf(err), "NOAUTH"):
		return true
	}
	return !o.Cluster && hasReason(explain(err), ReadOnly, Loading)
}

// textOf is what the server has answered, or empty.
func textOf(err error) string {
	if e, ok := errors.AsType[serverError](err); ok {
		return e.Error()
	}
	if e, ok := errors.AsType[*rueidis.RedisError](err); ok {
		return e.Error()
	}
	return ""
}

// unsent tells errors after which nothing can have been done: there was no connection to send the call on.
func unsent(err error) bool { return errors.Is(err, dedup.ErrUnchanged) || notDialed(err) }

// wrongServer makes the fault of a server that does not fit the options.
func wrongServer(format string, args ...any) error {
	return fault(WrongServer, fmt.Errorf(format, args...))
}
