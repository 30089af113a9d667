package process

import (
	"context"
	"errors"
	"fmt"
)

// ErrOrphan is returned for a process whose parent was gone before anybody looked.
var ErrOrphan = errors.New("the parent process is gone")

// WithParent returns a context that ends with the parent process, the one that started this one. It returns [ErrOrphan] when
// that has ended already. A pid names the parent for certain; 0 takes the parent that the system names, which is another
// process when the parent ended before this call.
func WithParent(ctx context.Context, pid int) (context.Context, context.CancelFunc, error) {
	gone, err := watchParent(pid)
	if err != nil {
		return nil, nil, fmt.Errorf("watching the parent process: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		gone(ctx)
	}()
	return ctx, cancel, nil
}
