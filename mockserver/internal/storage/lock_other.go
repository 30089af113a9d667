//go:build !unix

package storage

import "os"

// lock does nothing where files cannot be locked: there it is for the user to start one mock for each file.
func lock(*os.File) error { return nil }

// unlock does nothing either.
func unlock(*os.File) error { return nil }
