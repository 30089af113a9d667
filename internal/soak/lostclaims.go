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

// readLostClaims reads from the logs of a gate's processes which deliveries it could not record.
func readLostClaims(dir string, g *gate) (lost []account.LostClaim, err error) {
	for life := 1; life <= int(g.life.Load()); life++ {
		for raw, err := range readRecords[json.RawMessage](logPath(dir, g.number, life)) {
			if err != nil {
				return nil, err
			}
			if claim, ok := parseLostClaim(raw, g.clock); ok {
				claim.Gate, claim.Life = g.number, life
				lost = append(lost, claim)
			}
		}
	}
	return lost, nil
}

// parseLostClaim takes a line of a log for what it is, or for something else.
func parseLostClaim(raw []byte, clock clock) (account.LostClaim, bool) {
	var line logLine
	if json.Unmarshal(raw, &line) != nil || !strings.Contains(line.Message, "could not be recorded") {
		return account.LostClaim{}, false
	}
	number, err := numberOf(line.ID)
	if err != nil {
		return account.LostClaim{}, false
	}
	seconds, fraction := math.Modf(line.Time)
	at := time.Unix(int64(seconds), int64(fraction*1e9))
	return account.LostClaim{Number: number, At: clock.at(at), Taken: strings.Contains(line.Error, dedup.ErrNotOwner.Error())}, true
}
