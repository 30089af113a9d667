package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Place is where a store is, or will be: a directory, whichever of its names it was looked up by. The zero Place is none.
type Place struct {
	path string      // absolute, without symbolic links
	info fs.FileInfo // nil: there is no directory yet
}

// Find looks a directory up and changes nothing. Symbolic links are followed, also where the last parts of the path do not
// exist yet.
func Find(path string) (Place, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return Place{}, err
	}
	target, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) && path != filepath.Dir(path) {
		parent, err := Find(filepath.Dir(path))
		return Place{path: filepath.Join(parent.path, filepath.Base(path))}, err
	}
	if err != nil {
		return Place{}, err
	}
	info, err := os.Stat(target)
	return Place{target, info}, err
}

// Path is the directory's path, absolute and without symbolic links.
func (p Place) Path() string { return p.path }

// Same reports whether both are one directory. It also is one where one of them has been replaced by another directory since
// it was looked up: a store that is open there still uses its path.
func (p Place) Same(q Place) bool {
	return p.path == q.path && p.path != "" || p.info != nil && q.info != nil && os.SameFile(p.info, q.info)
}
