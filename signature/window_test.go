package signature_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/signature"
)

func TestWindowCheck(t *testing.T) {
	t.Parallel()
	now := time.Unix(1767225600, 0)
	for name, c := range map[string]struct {
		window signature.Window
		offset time.Duration
		want   error
	}{
		"ok/now":                   {signature.Window{}, 0, nil},
		"ok/oldest by default":     {signature.Window{}, -contract.DefaultPast, nil},
		"ok/newest by default":     {signature.Window{}, contract.DefaultPast, nil},
		"fail/older by default":    {signature.Window{}, -contract.DefaultPast - 1, signature.ErrStale},
		"fail/newer by default":    {signature.Window{}, contract.DefaultPast + 1, signature.ErrFuture},
		"ok/future follows past":   {signature.Window{Past: time.Hour}, time.Hour, nil},
		"fail/future follows past": {signature.Window{Past: time.Second}, 2 * time.Second, signature.ErrFuture},
		"ok/future alone":          {signature.Window{Future: time.Second}, -contract.DefaultPast, nil},
		"fail/future alone":        {signature.Window{Future: time.Second}, 2 * time.Second, signature.ErrFuture},
		"fail/past of its own":     {signature.Window{Past: time.Second, Future: time.Hour}, -2 * time.Second, signature.ErrStale},
		"ok/widest":                {signature.Window{Past: math.MaxInt64}, -math.MaxInt64, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := c.window.Check(now.Add(c.offset), now); !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
		})
	}
}

// TestWindowBeyondDurations uses times whose distance does not fit a Duration.
func TestWindowBeyondDurations(t *testing.T) {
	t.Parallel()
	year33658, year1 := time.Unix(999_999_999_999, 0), time.Time{}
	var w signature.Window
	if err := w.Check(year33658, year1); !errors.Is(err, signature.ErrFuture) {
		t.Errorf("error %v, want %v", err, signature.ErrFuture)
	}
	if err := w.Check(year1, year33658); !errors.Is(err, signature.ErrStale) {
		t.Errorf("error %v, want %v", err, signature.ErrStale)
	}
}
