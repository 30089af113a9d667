package main

import (
	"os/exec"
	"runtime"
	"testing"
	"time"
)

// TestUsageCountsWhatAProcessHasStarted has a shell start a process, whose number it tells, and looks for both.
func TestUsageCountsWhatAProcessHasStarted(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("there is no /proc")
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "exec 3<&0; cat <&3 & echo started; wait")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close() // which ends the child, and with it the shell
		_ = cmd.Wait()
	})
	line := make([]byte, len("started"))
	if _, err := stdout.Read(line); err != nil || string(line) != "started" {
		t.Fatalf("the shell said %q, %v", line, err)
	}
	// Both may be starting still, so that their memory changes from one look to the next.
	for deadline := time.Now().Add(10 * time.Second); ; {
		stats, err := family([]int{cmd.Process.Pid})
		if err != nil || len(stats) != 2 {
			t.Fatalf("a family of %d, %v, want the shell and its child", len(stats), err)
		}
		memory, err := residentMemory(cmd.Process.Pid)
		if err != nil {
			t.Fatal(err)
		}
		if want := int64(stats[0].ResidentMemory() + stats[1].ResidentMemory()); memory == want {
			return
		} else if time.Now().After(deadline) {
			t.Fatalf("%d bytes of memory, want the %d of both", memory, want)
		}
	}
}
