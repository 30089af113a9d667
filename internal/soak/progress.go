package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/dustin/go-humanize"
)

// telling is the time between two lines about how far a soak is.
const telling = 10 * time.Second

// tell prints how far the senders are, until it is stopped or ctx is done.
func (f *fleet) tell(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(telling)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				fmt.Fprintf(os.Stderr, "%4.0f s  %s delivered\n", f.now().Seconds(), humanize.Comma(f.told.Load()))
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() { cancel(); <-ended }
}
