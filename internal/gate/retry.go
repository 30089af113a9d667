package gate

import (
	"time"

	"github.com/cenkalti/backoff/v5"
)

// longestPause bounds the pauses between two attempts of a retry, but for the jitter of half of it.
const longestPause = time.Second

// retry repeats a question to the store in the background until its answer is final or the time is up. Between two
// attempts it keeps no goroutine.
type retry struct {
	ask    func() error
	final  func(error) bool
	until  time.Time
	ended  func(error) // told the last answer
	pauses *backoff.ExponentialBackOff
}

// start begins with a pause: the first attempt has been made.
func (r *retry) start(timeout time.Duration) {
	r.pauses = backoff.NewExponentialBackOff()
	r.pauses.InitialInterval, r.pauses.MaxInterval = min(timeout, longestPause), longestPause
	r.wait()
}

// wait sets the time of the next attempt. The last one is made when the time is up: where the answer to an earlier one was
// lost, it may tell that the question is settled.
func (r *retry) wait() {
	time.AfterFunc(min(r.pauses.NextBackOff(), time.Until(r.until)), r.attempt)
}

func (r *retry) attempt() {
	err := r.ask()
	if !r.final(err) && time.Now().Before(r.until) {
		r.wait()
		return
	}
	r.ended(err)
}
