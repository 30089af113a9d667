package main

import (
	"slices"
	"testing"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	kept := someTable()
	kept.Rows[1].Ratios[stock] = spread{0.9, 1.01, 1.1}
	for name, row := range map[string]struct {
		table  table
		missed bool
	}{"ok/above": {kept, false}, "fail/below": {someTable(), true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			verdicts := judge([]table{row.table})
			if len(verdicts) != 1 || verdicts[0].of != "gate-disk" || verdicts[0].missed != row.missed {
				t.Errorf("verdicts = %+v", verdicts)
			}
		})
	}
}

// TestJudgeUpperBounds holds a bar that is a most and not a least.
func TestJudgeUpperBounds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		ratio  float64
		missed bool
	}{"ok/below": {1.1, false}, "fail/above": {1.3, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ratios := map[string]spread{"gate-disk, steady": {test.ratio, test.ratio, test.ratio}}
			verdicts := judge([]table{{Section: "flood", Size: floodSize, Rows: []row{{Name: "gate-disk, flooded", Ratios: ratios}}}})
			if len(verdicts) != 1 || verdicts[0].missed != test.missed {
				t.Errorf("verdicts = %+v", verdicts)
			}
		})
	}
}

// TestTargetsAreWellFormed holds every name that a target refers to: baselines that exist come before it, and no two have
// one name.
func TestTargetsAreWellFormed(t *testing.T) {
	t.Parallel()
	var names []string
	for _, target := range targets() {
		if slices.Contains(names, target.name) {
			t.Errorf("two targets %s", target.name)
		}
		names = append(names, target.name)
	}
	for _, target := range targets() {
		if len(target.over) == 0 {
			t.Errorf("%s has no baseline", target.name)
		}
		for _, over := range target.over {
			if !slices.Contains(names, over) {
				t.Errorf("%s is over %s, which does not exist", target.name, over)
			}
		}
	}
}
