package disk

import "github.com/cockroachdb/pebble/v2/vfs"

// exclusiveFS locks a file for one opener, whichever process it is in. The lock of [vfs.Default] belongs to its process: a
// second opener of the same process gets it as well, under another name of the file, and when either of them closes the
// file, other processes are let in.
type exclusiveFS struct{ vfs.FS }

// Unwrap implements [vfs.FS].
func (e exclusiveFS) Unwrap() vfs.FS { return e.FS }
