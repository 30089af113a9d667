package main

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/prometheus/procfs"
)

// usage is what the target, and the bench itself, have used so far.
type usage struct{ target, generator time.Duration }

// account sends a slice and says what it took.
func (c *contender) account(send func() (slice, error)) (slice, error) {
	before, err := c.usage()
	if err != nil {
		return slice{}, err
	}
	s, err := send()
	if err != nil {
		return slice{}, err
	}
	after, err := c.usage()
	if err != nil {
		return slice{}, err
	}
	s.cpu, s.generator = after.target-before.target, after.generator-before.generator
	slices.Sort(s.latencies)
	s.memory, err = residentMemory(c.pids()...)
	return s, err
}

// usage returns what has been used so far.
func (c *contender) usage() (u usage, err error) {
	if u.target, err = processorTime(c.pids()...); err != nil {
		return u, fmt.Errorf("reading processor time: %w", err)
	}
	u.generator, err = ownTime()
	return u, err
}

// pids returns the numbers of the target's processes.
func (c *contender) pids() []int {
	pids := make([]int, len(c.processes))
	for i, p := range c.processes {
		pids[i] = p.PID()
	}
	return pids
}

// ownTime returns the processor time of this process alone: the targets are its children.
func ownTime() (time.Duration, error) {
	self, err := procfs.Self()
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	s, err := self.Stat()
	return time.Duration(s.CPUTime() * float64(time.Second)), err
}

// processorTime returns the processor time that processes and all that they have started have used so far; 0 where the
// system does not tell. Its unit is the system's clock tick, 10 ms.
func processorTime(roots ...int) (time.Duration, error) {
	stats, err := family(roots)
	var total time.Duration
	for _, s := range stats {
		total += time.Duration(s.CPUTime() * float64(time.Second))
	}
	return total, err
}

// residentMemory returns the bytes of memory in which processes and all that they have started reside; 0 where the system
// does not tell.
func residentMemory(roots ...int) (total int64, err error) {
	stats, err := family(roots)
	for _, s := range stats {
		total += int64(s.ResidentMemory())
	}
	return total, err
}

// residentAlone returns the bytes of memory in which one process resides, without what it has started: a Redis server that
// rewrites its files forks, and shares nearly all memory with the fork.
func residentAlone(pid int) (int64, error) {
	p, err := procfs.NewProc(pid)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	s, err := p.Stat()
	return int64(s.ResidentMemory()), err
}

// family returns what the system knows of processes and of all that they have started: a server's workers have its number
// as their parent.
func family(roots []int) ([]procfs.ProcStat, error) {
	all, err := procfs.AllProcs()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	member := map[int]bool{}
	for _, pid := range roots {
		member[pid] = true
	}
	var stats []procfs.ProcStat
	for _, p := range all { // in the order of their numbers: a child comes after its parent
		s, statErr := p.Stat()
		if statErr == nil && (member[s.PID] || member[s.PPID]) { // one without has ended meanwhile
			member[s.PID] = true
			stats = append(stats, s)
		}
	}
	return stats, err
}
