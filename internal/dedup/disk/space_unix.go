//go:build linux || darwin

package disk

import (
	"math"

	"golang.org/x/sys/unix"
)

// freeInodes tells how many files can be made beside dir. A file system without a fixed number says none of none.
func freeInodes(dir string) (free uint64, known bool) {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil || stat.Files == 0 || stat.Files == math.MaxUint64 {
		return 0, false
	}
	return stat.Ffree, true
}

// writable tells why no file can be made in dir, by its permissions and by how it is mounted.
func writable(dir string) error {
	return unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK|unix.X_OK, unix.AT_EACCESS)
}
