package emission_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/internal/emission"
)

// TestCheckBoundsTheData has few bytes asked for very often: each event would hold them anew.
func TestCheckBoundsTheData(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		count, size int
		refused     bool
	}{
		"ok/one":       {0, 7 << 20, false},
		"ok/many":      {emission.MaxCount, 1 << 10, false},
		"ok/limit":     {64, 4<<20 - len("text"), false},
		"fail/over":    {64, 4<<20 - len("text") + 1, true},
		"fail/by far":  {emission.MaxCount, 7 << 20, true},
		"fail/count":   {emission.MaxCount + 1, 0, true},
		"fail/reverse": {-1, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := map[string]json.RawMessage{"text": json.RawMessage(strings.Repeat(" ", row.size))}
			_, err := emission.Check(contract.Dari(), client.Event{Type: contract.SessionCompleted, Count: row.count, Data: data})
			if (err != nil) != row.refused {
				t.Errorf("%v", err)
			}
		})
	}
}
