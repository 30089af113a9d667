//go:build !linux

package main

// hardware is not known here.
func hardware() (cpu, memory string) { return "", "" }
