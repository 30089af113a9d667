package caddymodule

import (
	"context"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/darihook/darihook/internal/secretfile"
	"github.com/darihook/darihook/signature"
)

const (
	// pollSecretFile is how often the file is looked at where the system does not tell of changes: on some network file
	// systems, and where the path leads through a link elsewhere.
	pollSecretFile = 5 * time.Second
	// settleSecretFile is how long after a change the file is read: changes come in bursts.
	settleSecretFile = 50 * time.Millisecond
)

// secretFile is a file with one secret a line.
type secretFile struct {
	path    string
	secrets []signature.Secret // as first read
	sum     [sha256.Size]byte  // of the content last seen, so that a change is known without keeping the content
	expects time.Time          // until when the content last seen announces another
	open    bool               // everyone may read it

	cancel context.CancelFunc
	done   sync.WaitGroup
}

// openSecretFile reads a file for the first time. Errors: an unusable path, file or secret.
func openSecretFile(path string) (*secretFile, error) {
	path, err := newReplacer().ReplaceOrErr(path, true, true)
	if err != nil {
		return nil, fmt.Errorf("secret_file: %w", err)
	}
	f := &secretFile{path: path}
	if f.secrets, _, err = f.read(); err != nil {
		return nil, fmt.Errorf("secret_file %s: %w", path, err)
	}
	return f, nil
}

// read reads the file, and reports whether its content is another than before.
func (f *secretFile) read() (secrets []signature.Secret, changed bool, err error) {
	content, err := secretfile.Read(f.path)
	if err != nil {
		return nil, true, err
	}
	f.open = content.Open
	if content.Sum == f.sum {
		return nil, false, nil
	}
	f.sum, f.expects = content.Sum, content.ExpectedUntil()
	secrets, err = content.Secrets()
	return secrets, true, err
}

// watch calls changed from a goroutine of its own whenever the file's content is another than before, or has become
// unreadable, until stop is called.
func (f *secretFile) watch(changed func([]signature.Secret, error)) {
	ctx, cancel := context.WithCancel(context.Background())
	f.cancel = cancel
	f.done.Go(func() { f.follow(ctx, changed) })
}

// stopSecretFile is how long the end of a watch is waited for. It comes at once unless the file system hangs.
const stopSecretFile = time.Second

// stop ends the watch and waits a moment for its last call.
func (f *secretFile) stop() {
	if f.cancel == nil {
		return
	}
	f.cancel()
	ended := make(chan struct{})
	go func() {
		f.done.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(stopSecretFile):
	}
}

// follow looks at the file after every event in its directory, since programs replace a file by renaming another over it and
// Kubernetes by turning a link around, and now and then without one.
func (f *secretFile) follow(ctx context.Context, changed func([]signature.Secret, error)) {
	events, closeEvents := directoryEvents(filepath.Dir(f.path))
	defer closeEvents()
	timer := time.NewTimer(pollSecretFile)
	defer timer.Stop()
	failed := false
	for {
		select {
		case <-ctx.Done():
			return
		case _, open := <-events:
			if !open {
				events = nil
			}
			timer.Reset(settleSecretFile)
		case <-timer.C:
			secrets, other, err := f.read()
			if other && !(failed && err != nil) {
				changed(secrets, err)
			}
			failed = err != nil
			timer.Reset(pollSecretFile)
		}
	}
}

// directoryEvents returns the changes in a directory; none where they cannot be had.
func directoryEvents(dir string) (<-chan fsnotify.Event, func()) {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, func() {}
	}
	if err := watcher.Add(dir); err != nil {
		_ = watcher.Close()
		return nil, func() {}
	}
	var drained sync.WaitGroup
	drained.Go(func() {
		for range watcher.Errors { // a lost event is made up for by looking without one
			continue
		}
	})
	return watcher.Events, func() {
		_ = watcher.Close()
		drained.Wait()
	}
}
