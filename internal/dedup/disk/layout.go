package disk

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/darihook/darihook/internal/dedup"
)

// The engine holds three kinds of pair; numbers are big-endian, times are milliseconds since 1970:
//
//	'r' scope NUL id             → status (2), answered at (8), expires at (8), owner (16)
//	'x' scope NUL expires (8) id → nothing: the order of expiry, read forwards to purge and backwards to list
//	'm' "count"                  → number of 'x' pairs (8)
//	'm' "writes"                 → number of batches (8); absent in a store that only earlier versions wrote to
//
// A scope holds no NUL byte, so no pair can be read in two ways. Whoever writes an 'r' pair writes its 'x' pair in the
// same batch. An 'x' pair whose expiry is not that of its 'r' pair is left from an earlier commit of the same id.
const (
	recordPrefix = 'r'
	expiryPrefix = 'x'
	timeSize     = 8
	recordSize   = 2 + timeSize + timeSize + len(dedup.Owner{})
)

var (
	countKey  = []byte("mcount")
	writesKey = []byte("mwrites")
)

var errRecord = fmt.Errorf("%w: damaged", dedup.ErrRecord)

// record is the value of an 'r' pair.
type record struct {
	status  int
	at      int64
	expires int64
	owner   dedup.Owner
}

func (r record) live(now time.Time) bool { return r.expires > now.UnixMilli() }

func (r record) export(key dedup.Key) dedup.Record {
	return dedup.Record{
		Key:     key,
		State:   dedup.Done,
		Outcome: dedup.Outcome{Status: r.status, At: time.UnixMilli(r.at)},
		Expires: time.UnixMilli(r.expires),
	}
}

func (r record) append(to []byte) []byte {
	to = binary.BigEndian.AppendUint16(to, uint16(r.status))
	to = binary.BigEndian.AppendUint64(to, uint64(r.at))
	to = binary.BigEndian.AppendUint64(to, uint64(r.expires))
	return append(to, r.owner[:]...)
}

func parseRecord(value []byte) (record, error) {
	if len(value) != recordSize {
		return record{}, errRecord
	}
	r := record{
		status:  int(binary.BigEndian.Uint16(value)),
		at:      int64(binary.BigEndian.Uint64(value[2:])),
		expires: int64(binary.BigEndian.Uint64(value[2+timeSize:])),
		owner:   dedup.Owner(value[2+2*timeSize:]),
	}
	if (dedup.Outcome{Status: r.status}).Validate() != nil {
		return record{}, errRecord
	}
	return r, nil
}

func appendRecordKey(to []byte, key dedup.Key) []byte {
	to = append(append(append(to, recordPrefix), key.Scope...), 0)
	return append(to, key.ID...)
}

func appendExpiryKey(to []byte, key dedup.Key, expires int64) []byte {
	to = binary.BigEndian.AppendUint64(appendScope(to, key.Scope), uint64(max(0, expires)))
	return append(to, key.ID...)
}

// appendScope appends what the scope's 'x' keys begin with.
func appendScope(to []byte, scope string) []byte {
	return append(append(append(to, expiryPrefix), scope...), 0)
}

// parseExpiryKey is the inverse of appendExpiryKey.
func parseExpiryKey(k []byte) (dedup.Key, int64, error) {
	end := bytes.IndexByte(k, 0)
	if end < 1 || k[0] != expiryPrefix || len(k) <= end+1+timeSize {
		return dedup.Key{}, 0, errRecord
	}
	key := dedup.Key{Scope: string(k[1:end]), ID: string(k[end+1+timeSize:])}
	return key, int64(binary.BigEndian.Uint64(k[end+1:])), nil
}

// after is the first key behind every key that begins with prefix, whose last byte is not 0xff.
func after(prefix []byte) []byte {
	end := bytes.Clone(prefix)
	end[len(end)-1]++
	return end
}
