package redis

import (
	"net/url"
	"strings"
	"time"

	"github.com/darihook/darihook/internal/dedup"
)

const (
	// format is the version of what is stored; it is part of every key.
	format = "1"
	// prefix begins every key, so that one ACL rule covers them.
	prefix = "darihook:"
	// formatKey holds the format of all others.
	formatKey = prefix + "format"
	// scopesKey is a sorted set of the scopes in use, by the time of their last use.
	scopesKey = prefix + format + ":scopes"
)

// keyName is the key of a delivery. All of what identifies it stands in the hash tag, so any further key of the same
// delivery would be in the same slot.
func keyName(k dedup.Key) string {
	return prefix + format + ":{" + url.PathEscape(k.Scope) + "/" + k.ID + "}"
}

// recentKey is the sorted set of a scope's latest ids.
func recentKey(scope string) string {
	return prefix + format + ":recent:{" + url.PathEscape(scope) + "}"
}

// milliseconds rounds up, so that nothing ends before its time, and never asks for no time at all.
func milliseconds(d time.Duration) string {
	ms := d.Milliseconds()
	if d%time.Millisecond > 0 {
		ms++
	}
	return decimal(max(ms, 1))
}

// A value is a letter for the state, the owner's token, and for a commit its outcome.
const (
	claimed   = 'c'
	committed = 'd'
	ownerEnd  = 1 + len(dedup.Owner{})
	statusEnd = ownerEnd + 3
)

func claimValue(o dedup.Owner) string { return string(claimed) + string(o[:]) }

func doneValue(o dedup.Owner, outcome dedup.Outcome) string {
	var b strings.Builder
	b.WriteByte(committed)
	b.Write(o[:])
	b.WriteString(decimal(int64(outcome.Status)))
	b.WriteString(decimal(outcome.At.UnixMilli()))
	return b.String()
}
