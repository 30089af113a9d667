package disk

import (
	"context"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/time/rate"
)

const (
	// compactions is the engine's name for the files that it rewrites in the background.
	compactions vfs.DiskWriteCategory = "pebble-compaction"
	// compactionRate is how many bytes a second of them are written as long as that is enough. What a disk takes at once
	// is what a durable write waits for.
	compactionRate = 16 << 20
	// compactionBurst is how many bytes of them are written at once.
	compactionBurst = 256 << 10
	// backlog is the number of overlapping layers of files that shows compactions fall behind. At 12 the engine would stop
	// all writes to wait for them.
	backlog = 4
	// paceInterval is how often that is looked at.
	paceInterval = time.Second
)

// pace slows compactions down, so that commits do not wait behind them for the disk. It does not until follow is called: the
// engine waits for one that it begins when it opens.
type pace struct{ limiter *rate.Limiter }

func newPace() pace { return pace{rate.NewLimiter(rate.Inf, compactionBurst)} }

// follow lets compactions run free while they fall behind. It is called every paceInterval, in which only some of the
// layers that are left can be added.
func (p pace) follow(db *pebble.DB) {
	if db.Metrics().Levels[0].Sublevels >= backlog {
		p.lift()
		return
	}
	p.limiter.SetLimit(compactionRate)
}

// lift ends the limit.
func (p pace) lift() { p.limiter.SetLimit(rate.Inf) }

// pacedFS applies a pace to the files of compactions.
type pacedFS struct {
	vfs.FS
	pace pace
}

// Create implements [vfs.FS].
func (p pacedFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := p.FS.Create(name, category)
	if err != nil || category != compactions {
		return f, err
	}
	return pacedFile{f, p.pace}, nil
}

// Unwrap implements [vfs.FS].
func (p pacedFS) Unwrap() vfs.FS { return p.FS }

// pacedFile is a file of a compaction.
type pacedFile struct {
	vfs.File
	pace pace
}

// Write implements [vfs.File].
func (f pacedFile) Write(p []byte) (written int, err error) {
	for len(p) > 0 && err == nil {
		piece := p[:min(len(p), compactionBurst)]
		if err := f.pace.limiter.WaitN(context.Background(), len(piece)); err != nil {
			return written, err
		}
		var n int
		n, err = f.File.Write(piece)
		written += n
		p = p[len(piece):]
	}
	return written, err
}
