package main

import (
	"encoding/json"
	"math"
	"strings"
	"time"

	"github.com/darihook/darihook/internal/dedup"
	"github.com/darihook/darihook/internal/soak/account"
)

// logLine is what a gate logs.
type logLine struct {
	Time    float64 `json:"ts"` // seconds since 1970
	Message string  `json:"msg"`
	ID      string  `json:"id"`
	Error   string  `json:"error"`
}

// verb is what a gate says of a success.
type verb int

const (
	lost     verb = iota + 1 // it could not be recorded
	pending                  // it is still to be recorded
	recorded                 // it is, after all
)

// phrases are what the messages say that have a delivery's success for their subject.
var phrases = map[string]verb{
	"commit lost":             lost,
	"commit pending":          pending,
	"pending commit recorded": recorded,
}

// word is what a gate says of the success of one delivery.
type word struct {
	verb   verb
	number int
	at     time.Duration
	taken  bool // lost to another
}

// readWords reads from the logs of a gate's processes which deliveries it could not record, and which it had still to record
// when the log ends.
func readWords(h *account.History, dir string, g *gate) error {
	for life := 1; life <= int(g.life.Load()); life++ {
		unfinished := make(map[int]account.PendingOutcome)
		for raw, err := range readRecords[json.RawMessage](logPath(dir, g.number, life)) {
			if err != nil {
				return err
			}
			w, _ := parseWord(raw, g.clock)
			switch w.verb {
			case lost:
				h.Lost = append(h.Lost, account.LostClaim{Number: w.number, Gate: g.number, Life: life, At: w.at, Taken: w.taken})
				delete(unfinished, w.number)
			case pending:
				unfinished[w.number] = account.PendingOutcome{Number: w.number, Gate: g.number, Life: life, At: w.at}
			case recorded:
				delete(unfinished, w.number)
			}
		}
		for _, p := range unfinished {
			h.Pending = append(h.Pending, p)
		}
	}
	return nil
}

// parseWord takes a line of a log for what it says of a success, or for something else.
func parseWord(raw []byte, clock clock) (word, bool) {
	var line logLine
	if json.Unmarshal(raw, &line) != nil {
		return word{}, false
	}
	for phrase, verb := range phrases {
		number, err := numberOf(line.ID)
		if err != nil || !strings.Contains(line.Message, phrase) {
			continue
		}
		seconds, fraction := math.Modf(line.Time)
		at := clock.at(time.Unix(int64(seconds), int64(fraction*1e9)))
		return word{verb, number, at, verb == lost && strings.Contains(line.Error, dedup.ErrNotOwner.Error())}, true
	}
	return word{}, false
}
