package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/darihook/darihook/internal/dedup"
	"github.com/darihook/darihook/internal/dedup/disk"
	"github.com/darihook/darihook/internal/dedup/memory"
)

// scaled are the stores that are filled.
var scaled = []string{"memory", "disk", "redis"}

// holding is what a store with a number of ids takes. Sizes are in bytes, times in seconds.
type holding struct {
	Store string `json:"store"`
	IDs   int    `json:"ids"`
	// Filling is how long it took to deliver them all, and CPU the processor time of one delivery in microseconds: that
	// of the store's own process.
	Filling float64 `json:"filling"`
	CPU     float64 `json:"cpu"`
	// Filled is the memory that the process resides in afterwards, and Reopened that after it was started anew.
	Filled   int64 `json:"filled"`
	Reopened int64 `json:"reopened"`
	Disk     int64 `json:"disk"`
	// Reopening is how long that took.
	Reopening float64 `json:"reopening"`
}

// measureStore fills a store in a process of its own, and starts another on what it has left.
func measureStore(ctx context.Context, store string, ids int) (h holding, err error) {
	folder, err := os.MkdirTemp("", "darihook-scale-")
	if err != nil {
		return h, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	if store == "redis" {
		return measureRedis(ctx, folder, ids)
	}
	if h, err = startChild(ctx, store, folder, ids, false); err != nil || store == "memory" {
		return h, err
	}
	again, err := startChild(ctx, store, folder, ids, true)
	h.Reopened, h.Reopening = again.Reopened, again.Reopening
	return h, err
}

// startChild runs this program again with one store in it.
func startChild(ctx context.Context, store, folder string, ids int, reopen bool) (h holding, err error) {
	self, err := os.Executable()
	if err != nil {
		return h, err
	}
	cmd := exec.CommandContext(ctx, self, "scale", "-child", store, "-folder", folder, "-ids", strconv.Itoa(ids), "-reopen="+strconv.FormatBool(reopen))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &h)
	}
	return h, err
}

// beChild fills or reopens a store and prints what it takes.
func (p scalePlan) beChild(ctx context.Context) error {
	h := holding{Store: p.child, IDs: p.ids[0]}
	start := time.Now()
	s, err := p.open()
	if err != nil {
		return err
	}
	if p.reopen {
		h.Reopening = time.Since(start).Seconds()
		h.Reopened, err = ownMemory()
	} else {
		err = h.fill(ctx, s)
	}
	if err != nil {
		return errors.Join(err, s.Close())
	}
	if done := s.Stats().Done; done != int64(h.IDs) {
		return fmt.Errorf("the store holds %d ids", done)
	}
	h.Disk = max(0, s.Stats().DiskBytes)
	return errors.Join(s.Close(), json.NewEncoder(os.Stdout).Encode(h))
}

// open opens the child's store.
func (p scalePlan) open() (dedup.Store, error) {
	switch p.child {
	case "memory":
		return memory.New(memory.Options{MaxIDs: p.ids[0]})
	case "disk":
		return disk.Open(filepath.Join(p.folder, "ids"), disk.Options{})
	}
	return nil, fmt.Errorf("no store %q", p.child)
}

// fill delivers as many ids as the store is to hold.
func (h *holding) fill(ctx context.Context, s dedup.Store) error {
	before, err := ownTime()
	if err != nil {
		return err
	}
	start := time.Now()
	if err := fill(ctx, s, h.IDs); err != nil {
		return err
	}
	h.Filling = time.Since(start).Seconds()
	after, err := ownTime()
	if err != nil {
		return err
	}
	h.CPU = float64((after - before).Microseconds()) / float64(h.IDs)
	h.Filled, err = ownMemory()
	return err
}

// ownMemory returns what this process resides in once its garbage is gone.
func ownMemory() (int64, error) {
	debug.FreeOSMemory()
	return residentMemory(os.Getpid())
}
