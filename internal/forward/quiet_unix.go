//go:build unix

package forward

import (
	"errors"

	"golang.org/x/sys/unix"
)

// nothingToRead looks at a socket and takes nothing out of it.
func nothingToRead(fd uintptr) bool {
	var b [1]byte
	_, _, err := unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	return errors.Is(err, unix.EAGAIN)
}
