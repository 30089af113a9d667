package main

import (
	"github.com/dustin/go-humanize"
	"github.com/prometheus/procfs"
)

// hardware names the processor and the size of the memory; what cannot be found out is left empty.
func hardware() (cpu, memory string) {
	proc, err := procfs.NewDefaultFS()
	if err != nil {
		return "", ""
	}
	if cpus, err := proc.CPUInfo(); err == nil && len(cpus) > 0 {
		cpu = cpus[0].ModelName
	}
	if info, err := proc.Meminfo(); err == nil && info.MemTotalBytes != nil {
		memory = humanize.IBytes(*info.MemTotalBytes)
	}
	return cpu, memory
}
