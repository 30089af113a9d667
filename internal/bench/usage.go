package main

import (
	"errors"
	"io/fs"
	"time"

	"github.com/prometheus/procfs"
)

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
