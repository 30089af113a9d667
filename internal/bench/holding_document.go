package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
)

const (
	// scaleDocument and scaleRecord are files in the folder of the documents.
	scaleDocument = "scale.md"
	scaleRecord   = "scale.json"
)

// holdings is all that the document shows, of one machine.
type holdings struct {
	Machine  machine   `json:"machine"`
	Holdings []holding `json:"holdings"`
}

// keepHoldings puts new figures in the place of older ones of the same store and number, and writes the document.
func keepHoldings(ctx context.Context, folder string, fresh []holding) error {
	if folder == "" {
		return nil
	}
	all, err := readHoldings(folder)
	if err != nil {
		return err
	}
	m := thisMachine(ctx, "")
	if !reflect.DeepEqual(all.Machine, m) {
		all = holdings{Machine: m}
	}
	return all.add(fresh).publish(folder)
}

// readHoldings reads the figures of a folder; without any they are empty.
func readHoldings(folder string) (all holdings, err error) {
	err = readFigures(folder, scaleRecord, &all)
	return all, err
}

// add returns the figures with fresh ones in the place of older ones.
func (all holdings) add(fresh []holding) holdings {
	kept := slices.DeleteFunc(slices.Clone(all.Holdings), func(old holding) bool {
		return slices.ContainsFunc(fresh, func(h holding) bool { return h.Store == old.Store && h.IDs == old.IDs })
	})
	all.Holdings = append(kept, fresh...)
	slices.SortFunc(all.Holdings, func(a, b holding) int {
		if a.Store != b.Store {
			return slices.Index(scaled, a.Store) - slices.Index(scaled, b.Store)
		}
		return a.IDs - b.IDs
	})
	return all
}

// publish writes the figures and the document into a folder.
func (all holdings) publish(folder string) error {
	return errors.Join(writeFigures(folder, scaleRecord, all), rewrite(filepath.Join(folder, scaleDocument), all.generated()))
}

// generated returns the tables in Markdown.
func (all holdings) generated() string {
	var text strings.Builder
	fmt.Fprintf(&text, "\nMeasured on %v.\n\n", all.Machine)
	writeMarkdown(&text, holdingCells(all.Holdings))
	text.WriteString("\nWhat an id costs, from the difference of the two sizes, and what follows for more of them:\n\n")
	writeMarkdown(&text, all.projection())
	text.WriteString("\n")
	return text.String()
}

// holdingCells returns what was measured as text.
func holdingCells(all []holding) [][]string {
	lines := [][]string{{"store", "ids", "deliveries/s while filling", "CPU µs each", "memory", "disk", "started anew in", "memory then"}}
	for _, h := range all {
		line := []string{h.Store, humanize.Comma(int64(h.IDs)), humanize.Comma(int64(float64(h.IDs) / h.Filling)), fmt.Sprintf("%.0f", h.CPU), size(float64(h.Filled)), "none", "", ""}
		if h.Disk > 0 {
			line[5], line[6], line[7] = size(float64(h.Disk)), fmt.Sprintf("%.2f s", h.Reopening), size(float64(h.Reopened))
		}
		lines = append(lines, line)
	}
	return lines
}

// size writes a number of bytes.
func size(bytes float64) string { return humanize.IBytes(uint64(max(bytes, 0))) }

// projected are the numbers of ids that the measurements are extended to.
var projected = []int{100_000_000, 1_000_000_000}

// projection extends each store's measurements along a straight line.
func (all holdings) projection() [][]string {
	head := []string{"store", "memory an id", "disk an id"}
	for _, n := range projected {
		head = append(head, humanize.Comma(int64(n))+" ids: memory", "disk")
	}
	lines := [][]string{head}
	for _, store := range scaled {
		var of []holding
		for _, h := range all.Holdings {
			if h.Store == store {
				of = append(of, h)
			}
		}
		if len(of) >= 2 {
			lines = append(lines, project(store, of[0], of[len(of)-1]))
		}
	}
	return lines
}

// project draws a line through two measurements of a store.
func project(store string, few, many holding) []string {
	more := float64(many.IDs - few.IDs)
	memory, disk := float64(many.Filled-few.Filled)/more, float64(many.Disk-few.Disk)/more
	line := []string{store, fmt.Sprintf("%.0f B", memory), fmt.Sprintf("%.0f B", disk)}
	for _, n := range projected {
		further := float64(n - many.IDs)
		line = append(line, size(float64(many.Filled)+further*memory), size(float64(many.Disk)+further*disk))
	}
	return line
}
