package main

import (
	"errors"
	"os"
	"testing"
)

// TestMain lets the scale command start itself again.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "scale" {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestEveryStoreIsMeasured fills a small one of each kind.
func TestEveryStoreIsMeasured(t *testing.T) {
	t.Parallel()
	for _, store := range scaled {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			const ids = 300
			h, err := measureStore(t.Context(), store, ids)
			if errors.Is(err, errAbsent) && os.Getenv("CI") != "true" {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			kept := store != "memory"
			if h.Store != store || h.IDs != ids || h.Filling <= 0 || h.Disk > 0 != kept || h.Reopening > 0 != kept {
				t.Errorf("measured %+v", h)
			}
		})
	}
}

func TestParseScale(t *testing.T) {
	t.Parallel()
	if p, err := parseScale([]string{"-ids", "1,20", "-stores", "disk"}); err != nil || len(p.ids) != 2 || p.ids[1] != 20 || len(p.stores) != 1 {
		t.Errorf("parseScale = %+v, %v", p, err)
	}
	for _, bad := range []string{"", "0", "-1", "many"} {
		if _, err := parseScale([]string{"-ids", bad}); err == nil {
			t.Errorf("%q ids gave no error", bad)
		}
	}
}
