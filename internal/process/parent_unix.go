//go:build unix

package process

import (
	"context"
	"fmt"
	"os"
	"time"
)

// parentPoll is the pause between two looks at the parent.
const parentPoll = 200 * time.Millisecond

// watchParent returns a function that returns when the parent is gone or its context ends. The system gives an orphan another
// parent, process 1 as a rule.
func watchParent(pid int) (gone func(context.Context), err error) {
	parent := os.Getppid()
	if pid != 0 && pid != parent {
		return nil, fmt.Errorf("%w: it was %d, and is %d now", ErrOrphan, pid, parent)
	}
	if pid == 0 && parent == 1 {
		return nil, fmt.Errorf("%w, or is process 1, which then has to be named", ErrOrphan)
	}
	return func(ctx context.Context) {
		tick := time.NewTicker(parentPoll)
		defer tick.Stop()
		for os.Getppid() == parent {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}, nil
}
