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

// lookAt copies what a socket has to read and takes nothing out of it. It returns how much that is: not more than 0 where
// there will be nothing any more.
func lookAt(fd uintptr, p []byte) int {
	n, _, err := unix.Recvfrom(int(fd), p, unix.MSG_PEEK|unix.MSG_DONTWAIT)
	if err != nil {
		return 0
	}
	return n
}
