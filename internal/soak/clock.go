package main

import "time"

// clock tells the time since a soak began, alike in all of its processes.
type clock struct{ began time.Time }

// newClock returns the clock of a soak that began so many nanoseconds after 1970.
func newClock(began int64) clock { return clock{time.Unix(0, began)} }

func (c clock) now() time.Duration { return c.at(time.Now()) }

func (c clock) at(t time.Time) time.Duration { return t.Round(0).Sub(c.began) }
