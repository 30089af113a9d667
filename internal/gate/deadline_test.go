package gate

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestDeadline holds the context to what contexts owe, with and without somebody who waits.
func TestDeadline(t *testing.T) {
	t.Parallel()
	type key struct{}
	for name, row := range map[string]struct {
		waits  bool
		passes time.Duration
		cancel bool
		want   error
	}{
		"ok/under way":              {},
		"ok/under way, waited for":  {waits: true, passes: time.Second - 1},
		"ok/over":                   {passes: time.Second, want: context.DeadlineExceeded},
		"ok/over, waited for":       {waits: true, passes: time.Second, want: context.DeadlineExceeded},
		"ok/cancelled":              {cancel: true, want: context.Canceled},
		"ok/cancelled, waited for":  {waits: true, cancel: true, want: context.Canceled},
		"ok/cancelled before it is": {cancel: true, passes: time.Minute, want: context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				parent, end := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
				end() // which is not the context's end
				ctx, cancel := within(parent, time.Second)
				defer cancel()
				child, stop := context.WithCancel(context.Background())
				defer stop()
				if row.waits {
					child, stop = context.WithCancel(ctx)
					defer stop()
				}
				if row.cancel {
					cancel()
				}
				time.Sleep(row.passes)
				synctest.Wait()
				if !errors.Is(ctx.Err(), row.want) {
					t.Errorf("Err() = %v, want %v", ctx.Err(), row.want)
				}
				if row.waits && !errors.Is(child.Err(), row.want) {
					t.Errorf("its child's Err() = %v, want %v", child.Err(), row.want)
				}
				select {
				case <-ctx.Done():
					if row.want == nil {
						t.Error("done")
					}
				default:
					if row.want != nil {
						t.Error("not done")
					}
				}
				if at, ok := ctx.Deadline(); !ok || time.Until(at) != time.Second-row.passes {
					t.Errorf("Deadline() = %v, %v", at, ok)
				}
				if ctx.Value(key{}) != "value" {
					t.Error("the parent's values are gone")
				}
			})
		})
	}
}
