package redis

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/darihook/darihook/internal/dedup"
	"github.com/redis/rueidis"
)

// errValue tells of a value that this format does not have.
var errValue = fmt.Errorf("%w: value in a format of its own", dedup.ErrRecord)

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// decode reads the answer of a script that tells how a key stands: nil, or its value and its time to live.
func decode(key dedup.Key, m rueidis.RedisMessage) (dedup.Record, error) {
	if m.IsNil() {
		return dedup.Record{Key: key}, nil
	}
	pair, err := m.ToArray()
	if err != nil || len(pair) != 2 {
		return dedup.Record{}, fault(Unexpected, errValue)
	}
	value, err := pair[0].ToString()
	if err != nil {
		return dedup.Record{}, fault(Unexpected, err)
	}
	left, err := pair[1].AsInt64()
	if err != nil {
		return dedup.Record{}, fault(Unexpected, err)
	}
	return parse(key, value, time.Duration(left)*time.Millisecond)
}

// parse reads a key's value. A value that does not follow the format is an error and never a state: what cannot be
// read must not let a delivery through.
func parse(key dedup.Key, value string, left time.Duration) (dedup.Record, error) {
	record := dedup.Record{Key: key, Expires: time.Now().Add(left)}
	switch {
	case len(value) == ownerEnd && value[0] == claimed:
		record.State = dedup.InFlight
		return record, nil
	case len(value) > statusEnd && value[0] == committed:
		record.State = dedup.Done
		status, errStatus := strconv.Atoi(value[ownerEnd:statusEnd])
		at, errAt := strconv.ParseInt(value[statusEnd:], 10, 64)
		record.Outcome = dedup.Outcome{Status: status, At: time.UnixMilli(at)}
		if errors.Join(errStatus, errAt, record.Outcome.Validate()) == nil {
			return record, nil
		}
	}
	return dedup.Record{}, fault(WrongServer, fmt.Errorf("%w at a key of %s", errValue, prefix+format))
}
