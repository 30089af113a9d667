package listen

import "time"

// Delivery is what came of one event: delivered, given up, or never fit to be delivered.
type Delivery struct {
	// ID and Type of the event, as the stream has them. Where Err is set they may be excerpts.
	ID, Type string
	// Attempts that were made.
	Attempts int
	// Status of the receiver's last answer; 0 where there was none.
	Status int
	// Took is the time from the first attempt to the last answer.
	Took time.Duration
	// Err says why the event was not delivered, or why the latest attempt failed. Nil: the receiver answered with 2xx.
	Err error
}

// Observer hears what a run does. It is called by one goroutine at a time, and the run waits for it.
type Observer interface {
	// Delivered tells of an event that has been dealt with, well or not.
	Delivered(Delivery)
	// Retrying tells that an attempt failed and how long it is until the next.
	Retrying(d Delivery, pause time.Duration)
	// Reconnecting tells why the stream was lost or not opened, and how long it is until the next try.
	Reconnecting(err error, pause time.Duration)
}

// deaf is an observer that hears nothing.
type deaf struct{}

func (deaf) Delivered(Delivery)                {}
func (deaf) Retrying(Delivery, time.Duration)  {}
func (deaf) Reconnecting(error, time.Duration) {}

// Summary is what a run came to.
type Summary struct {
	// Status with which the session ended: completed, failed or expired. Empty: it has not ended.
	Status string
	// Delivered and Failed count events, not attempts.
	Delivered, Failed int
	// LastEventID is the last event that was dealt with, subscribed or not: a later run may begin behind it.
	LastEventID string
}

// count adds a delivery.
func (s *Summary) count(d Delivery) {
	if d.Err == nil {
		s.Delivered++
	} else {
		s.Failed++
	}
}
