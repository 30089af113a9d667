package rotation

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// DefaultWait is how long a gate is given that cannot be asked: it looks at its file every 5 seconds even where the system
	// does not tell it of changes.
	DefaultWait = 8 * time.Second
	// MaxWait is the longest time that a gate may be given: an announcement holds no longer.
	MaxWait = 12 * time.Second
	// askEvery is how often a gate is asked.
	askEvery = 50 * time.Millisecond
	// settle is how long other gates of the same process are given after the first has read the file.
	settle = 250 * time.Millisecond
	// reloads begins the lines of the metric that counts the changes a gate has read.
	reloads = "caddy_dari_webhook_secret_reloads_total{"
)

// ErrNotTaken is the answer of a gate that has not read the file in time.
var ErrNotTaken = errors.New("the gate has not read the file in time")

// Wait is a Watch that gives the gate a fixed time.
func Wait(d time.Duration) func(context.Context) (func(context.Context) error, error) {
	return func(context.Context) (func(context.Context) error, error) {
		return func(ctx context.Context) error { return pause(ctx, d) }, nil
	}
}

// pause waits a while, or until ctx is done.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Ask is a Watch that asks Caddy's admin endpoint, such as http://127.0.0.1:2019 or unix: and the path of a socket, how many
// changes of secret files its gates have read, for as long as limit.
func Ask(admin string, limit time.Duration) func(context.Context) (func(context.Context) error, error) {
	client, base := adminClient(admin)
	return func(ctx context.Context) (func(context.Context) error, error) {
		before, err := countReloads(ctx, client, base)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context) error {
			ctx, cancel := context.WithTimeoutCause(ctx, limit, ErrNotTaken)
			defer cancel()
			for {
				if now, err := countReloads(ctx, client, base); err == nil && now != before {
					return pause(ctx, settle)
				}
				if pause(ctx, askEvery) != nil {
					return context.Cause(ctx)
				}
			}
		}, nil
	}
}

// adminClient returns a client for an admin endpoint and the base of its URLs.
func adminClient(admin string) (*http.Client, string) {
	path, isSocket := strings.CutPrefix(admin, "unix:")
	if !isSocket {
		return &http.Client{Timeout: callTime}, strings.TrimRight(admin, "/")
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}
	return &http.Client{Timeout: callTime, Transport: &http.Transport{DialContext: dial}}, "http://localhost"
}

// countReloads returns how many changes the gates have read.
func countReloads(ctx context.Context, client *http.Client, base string) (total float64, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("asking for the metrics: %s", resp.Status)
	}
	lines := bufio.NewScanner(http.MaxBytesReader(nil, resp.Body, 64<<20))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if !strings.HasPrefix(line, reloads) || !strings.Contains(line, `result="ok"`) {
			continue
		}
		n, err := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64)
		if err != nil {
			return 0, fmt.Errorf("reading the metrics: %w", err)
		}
		total += n
	}
	return total, lines.Err()
}
