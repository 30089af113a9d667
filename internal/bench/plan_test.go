package main

import (
	"slices"
	"testing"
)

func TestParsePlan(t *testing.T) {
	t.Parallel()
	p, err := parsePlan([]string{"-sizes", "1KiB,1MiB", "-targets", "gate-disk,reverse_proxy", "-sections", "flood"})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(p.sizes, []int{1 << 10, 1 << 20}) || len(p.targets) != 2 || p.targets[0].name != stock || !slices.Equal(p.sections, []string{"flood"}) {
		t.Errorf("plan = %+v", p)
	}
	if p, err = parsePlan(nil); err != nil || len(p.targets) != len(targets()) || len(p.sections) != len(sections()) {
		t.Errorf("plan without flags: %d targets, %v, %v", len(p.targets), p.sections, err)
	}
}

func TestParsePlanRefuses(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"fail/no size":            {"-sizes", ""},
		"fail/too small":          {"-sizes", "1"},
		"fail/too large":          {"-sizes", "1GiB"},
		"fail/not a size":         {"-sizes", "x"},
		"fail/unknown target":     {"-targets", "gate-tape"},
		"fail/unknown section":    {"-sections", "beauty"},
		"fail/part of the record": {"-targets", "gate-disk", "-write", "docs"},
		"fail/smoke as a record":  {"-smoke", "-write", "docs"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := parsePlan(args); err == nil {
				t.Errorf("parsePlan(%q) gave no error", args)
			}
		})
	}
}
