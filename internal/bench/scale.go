package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// scalePlan is what a run of the scale command does: it fills stores and looks at what they take.
type scalePlan struct {
	stores []string
	ids    []int
	write  string
	// The rest is for the processes that the command starts.
	child  string
	folder string
	reopen bool
}

// runScale reads the flags of the scale command and does what they say.
func runScale(ctx context.Context, args []string) error {
	p, err := parseScale(args)
	if err != nil {
		return err
	}
	if p.child != "" {
		return p.beChild(ctx)
	}
	var all []holding
	for _, ids := range p.ids {
		for _, store := range p.stores {
			h, err := measureStore(ctx, store, ids)
			if errors.Is(err, errAbsent) {
				fmt.Printf("left out: %s: %v\n", store, err)
				continue
			}
			if err != nil {
				return fmt.Errorf("measuring %s with %d ids: %w", store, ids, err)
			}
			all = append(all, h)
		}
	}
	if err := printCells(os.Stdout, holdingCells(all)); err != nil {
		return err
	}
	return keepHoldings(ctx, p.write, all)
}

// parseScale reads the flags.
func parseScale(args []string) (p scalePlan, err error) {
	flags := flag.NewFlagSet("bench scale", flag.ContinueOnError)
	var stores, ids string
	flags.StringVar(&stores, "stores", strings.Join(scaled, ","), "stores, separated by commas")
	flags.StringVar(&ids, "ids", "1000000,10000000", "how many ids to fill them with, separated by commas")
	flags.StringVar(&p.write, "write", "", "a folder: keep the figures there, and write the document")
	flags.StringVar(&p.child, "child", "", "fill one store: for the command itself")
	flags.StringVar(&p.folder, "folder", "", "where that store is")
	flags.BoolVar(&p.reopen, "reopen", false, "reopen that store instead of filling it")
	if err := flags.Parse(args); err != nil {
		return p, err
	}
	p.stores = strings.Split(stores, ",")
	for item := range strings.SplitSeq(ids, ",") {
		n, err := strconv.Atoi(item)
		if err != nil || n < 1 {
			return p, fmt.Errorf("%q is no number of ids", item)
		}
		p.ids = append(p.ids, n)
	}
	return p, nil
}
