//go:build !unix

package secretfile

import (
	"io/fs"
	"os"
)

// keepOwner has nothing to keep: files have no owner here that could be set.
func keepOwner(*os.File, fs.FileInfo) error { return nil }

// syncDirectory has nothing to do: directories cannot be written out here.
func syncDirectory(string) error { return nil }

// nonBlocking has no meaning here.
const nonBlocking = 0

// hasModes tells that a file's mode says nothing of who may read it.
const hasModes = false
