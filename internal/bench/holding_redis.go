package main

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/redis/rueidis"

	"github.com/darihook/darihook/internal/dedup/redis"
)

const (
	// redisPatience is the time that a call may take while nothing but filling goes on.
	redisPatience = 10 * time.Second
	// redisGlance is the pause between two looks at whether a server has loaded what it holds.
	redisGlance = 10 * time.Millisecond
)

// measureRedis fills a Redis server of its own, and starts another on what it has left.
func measureRedis(ctx context.Context, folder string, ids int) (h holding, err error) {
	h = holding{Store: "redis", IDs: ids}
	first := &stage{folder: folder}
	defer first.end()
	if err := first.needRedis(ctx); err != nil {
		return h, err
	}
	if err := h.fillRedis(ctx, first); err != nil {
		return h, err
	}
	first.end()
	if h.Disk, err = sizeOf(folder); err != nil {
		return h, err
	}
	second := &stage{folder: folder}
	defer second.end()
	start := time.Now()
	if err := second.needRedis(ctx); err != nil {
		return h, err
	}
	if err := awaitLoaded(ctx, second.redisAt); err != nil {
		return h, err
	}
	h.Reopening = time.Since(start).Seconds()
	h.Reopened, err = residentAlone(second.redis.PID())
	return h, err
}

// end ends the stage's processes.
func (s *stage) end() {
	for _, p := range s.processes {
		p.Stop()
	}
	s.processes = nil
}

// fillRedis fills a server through the store that the gate uses.
func (h *holding) fillRedis(ctx context.Context, s *stage) (err error) {
	store, err := redis.Open(ctx, redis.Options{Addresses: []string{s.redisAt}, Timeout: redisPatience})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	start := time.Now()
	if err := fill(ctx, store, h.IDs); err != nil {
		return err
	}
	h.Filling = time.Since(start).Seconds()
	cpu, err := processorTime(s.redis.PID())
	if err != nil {
		return err
	}
	h.CPU = float64(cpu.Microseconds()) / float64(h.IDs)
	h.Filled, err = residentAlone(s.redis.PID())
	return err
}

// awaitLoaded returns once a server answers: it refuses while it loads.
func awaitLoaded(ctx context.Context, address string) error {
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{address}, DisableCache: true, DisableRetry: true})
	for err != nil && ctx.Err() == nil {
		time.Sleep(redisGlance)
		client, err = rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{address}, DisableCache: true, DisableRetry: true})
	}
	if err != nil {
		return err
	}
	defer client.Close()
	for {
		err := client.Do(ctx, client.B().Ping().Build()).Error()
		if err == nil || ctx.Err() != nil {
			return err
		}
		time.Sleep(redisGlance)
	}
}

// sizeOf returns the bytes of all files in a folder.
func sizeOf(folder string) (total int64, err error) {
	err = filepath.WalkDir(folder, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return total, err
}
