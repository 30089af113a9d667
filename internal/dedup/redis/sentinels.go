package redis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

const (
	// sentinelInterval is how often each Sentinel is asked where the primary is, beside what it tells by itself.
	sentinelInterval = 500 * time.Millisecond
	// sentinelsInterval is how often it is asked for the other Sentinels.
	sentinelsInterval = 10 * time.Second
	// sentinelSilence is how long one that was not configured may be silent until it is given up.
	sentinelSilence = time.Minute
	// maxSentinels bounds them.
	maxSentinels = 64
)

// sentinels follow where the primary is: every Sentinel is listened to and asked, since the first that knows of a failover may be
// any, and a message may be lost. The Sentinel that has last named another primary than before is believed; as long as none
// has, the most.
type sentinels struct {
	opts  Options
	moved func(address string) // told where the primary is, whenever a Sentinel has been asked
	ctx   context.Context
	end   context.CancelFunc

	mu    sync.Mutex
	votes map[string]*vote // by the Sentinel's address
	heard chan struct{}    // closed with the next vote
	// promoted is a replica that has become the primary in place of another, before the failover has been carried to its end.
	promoted, demoted string
}

// vote is what a Sentinel says.
type vote struct {
	seed    bool // an address of the configuration
	asked   bool
	heard   time.Time // when it last answered
	primary string
	err     error     // why it has not named one
	since   time.Time // when it named this primary in place of another; zero for the first
	poke    chan struct{}
	leave   context.CancelFunc // ends listening
}

func newSentinels(opts Options, moved func(string)) *sentinels {
	s := &sentinels{opts: opts, moved: moved, votes: make(map[string]*vote), heard: make(chan struct{})}
	s.ctx, s.end = context.WithCancel(context.Background())
	return s
}

// start follows the Sentinels of the configuration, and all that they know.
func (s *sentinels) start() {
	for _, address := range s.opts.Addresses {
		s.watch(address, true)
	}
}

// watch follows one more Sentinel.
func (s *sentinels) watch(address string, seed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, watched := s.votes[address]; watched || len(s.votes) == maxSentinels {
		return
	}
	v := &vote{seed: seed, heard: time.Now(), poke: make(chan struct{}, 1)}
	s.votes[address] = v
	go s.follow(address, v)
}

// primaries returns where the primary is, the likeliest first. The first time it waits for all Sentinels to answer, a while.
func (s *sentinels) primaries(ctx context.Context) ([]string, error) {
	s.again()
	patience := time.NewTimer(s.opts.Timeout)
	defer patience.Stop()
	for {
		s.mu.Lock()
		all, heard, silent := s.ranked(), s.heard, s.silent()
		s.mu.Unlock()
		if silent == 0 {
			return all, s.why(all)
		}
		select {
		case <-heard:
		case <-patience.C:
			return all, s.why(all)
		case <-ctx.Done():
			return all, s.why(all)
		}
	}
}

// silent counts the Sentinels that have not been asked yet.
func (s *sentinels) silent() (n int) {
	for _, v := range s.votes {
		if !v.asked {
			n++
		}
	}
	return n
}

// ranked orders the primaries that Sentinels name.
func (s *sentinels) ranked() []string {
	votes, latest := map[string]int{}, map[string]time.Time{}
	for _, v := range s.votes {
		if address := v.primary; address != "" {
			votes[address]++
			if v.since.After(latest[address]) {
				latest[address] = v.since
			}
		}
	}
	all := make([]string, 0, len(votes)+1)
	for address := range votes {
		all = append(all, address)
	}
	slices.SortFunc(all, func(a, b string) int {
		return cmp.Or(latest[b].Compare(latest[a]), cmp.Compare(votes[b], votes[a]), cmp.Compare(a, b))
	})
	if len(all) > 0 && all[0] == s.demoted {
		all = append([]string{s.promoted}, all...)
	}
	return all
}

// why says why no primary is known: first of all what an operator must put right.
func (s *sentinels) why(known []string) error {
	if len(known) > 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var why error
	for _, v := range s.votes {
		if v.err != nil && (why == nil || misconfigured(explain(v.err))) {
			why = v.err
		}
	}
	return cmp.Or(why, fault(Timeout, errors.New("no Sentinel has answered")))
}

// follow asks one Sentinel again and again, and listens to it.
func (s *sentinels) follow(address string, v *vote) {
	var client rueidis.Client
	for client == nil { // only options make it so; a Sentinel that is away is found by the client itself
		client, _ = rueidis.NewClient(s.clientOptions(address))
		if client == nil && !s.pause(v) {
			return
		}
	}
	ctx, leave := context.WithCancel(s.ctx)
	v.leave = leave
	go s.listen(ctx, client, v)
	defer client.Close()
	var next time.Time
	for {
		s.ask(client, v)
		if time.Now().After(next) {
			next = time.Now().Add(sentinelsInterval)
			s.discover(client)
		}
		if s.gaveUp(address, v) || !s.pause(v) {
			return
		}
	}
}

// gaveUp drops a Sentinel that seems to be gone for good: a set that moves about would leave more and more of them.
func (s *sentinels) gaveUp(address string, v *vote) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v.seed || time.Since(v.heard) < sentinelSilence {
		return false
	}
	delete(s.votes, address)
	v.leave()
	return true
}

// pause returns when it is time to ask again, or false when it is over.
func (s *sentinels) pause(v *vote) bool {
	timer := time.NewTimer(sentinelInterval)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-v.poke:
	case <-s.ctx.Done():
	}
	return s.ctx.Err() == nil
}

func (s *sentinels) clientOptions(address string) rueidis.ClientOption {
	return rueidis.ClientOption{
		InitAddress:         []string{address},
		Username:            s.opts.SentinelUsername,
		Password:            s.opts.SentinelPassword.value,
		ClientName:          clientName,
		ClientSetInfo:       rueidis.DisableClientSetInfo,
		TLSConfig:           s.opts.TLS,
		Dialer:              s.opts.dialer(),
		ConnWriteTimeout:    2 * s.opts.Timeout,
		ReadBufferEachConn:  4 << 10,
		WriteBufferEachConn: 4 << 10,
		RingScaleEachConn:   4,
		PipelineMultiplex:   -1,
		ForceSingleClient:   true,
		AlwaysPipelining:    true,
		DisableCache:        true,
		DisableRetry:        true,
	}
}

// ask asks a Sentinel where the primary is.
func (s *sentinels) ask(client rueidis.Client, v *vote) {
	ctx, cancel := context.WithTimeout(s.ctx, s.opts.Timeout)
	defer cancel()
	place, err := client.Do(ctx, client.B().SentinelGetMasterAddrByName().Master(s.opts.SentinelMaster).Build()).AsStrSlice()
	switch {
	case rueidis.IsRedisNil(err):
		s.cast(v, "", wrongServer("No such master set as %q at a Sentinel", s.opts.SentinelMaster))
	case err != nil:
		s.cast(v, "", fmt.Errorf("asking a Sentinel: %w", err))
	case len(place) == 2:
		s.cast(v, net.JoinHostPort(place[0], place[1]), nil)
	}
}

// cast notes what a Sentinel says. One that says nothing leaves what it said last.
func (s *sentinels) cast(v *vote, primary string, err error) {
	s.mu.Lock()
	if v.err = err; err == nil {
		v.heard = time.Now()
		if v.primary != "" && v.primary != primary {
			v.since = time.Now()
		}
		v.primary = primary
		if v.primary != s.demoted {
			s.promoted, s.demoted = "", ""
		}
	}
	v.asked = true
	close(s.heard)
	s.heard = make(chan struct{})
	all := s.ranked()
	s.mu.Unlock()
	if len(all) > 0 {
		s.moved(all[0])
	}
}

// discover learns of the Sentinels that this one knows.
func (s *sentinels) discover(client rueidis.Client) {
	ctx, cancel := context.WithTimeout(s.ctx, s.opts.Timeout)
	defer cancel()
	others, err := client.Do(ctx, client.B().SentinelSentinels().Master(s.opts.SentinelMaster).Build()).ToArray()
	if err != nil {
		return // it is asked again, and so are the others
	}
	for _, other := range others {
		if m, err := other.AsStrMap(); err == nil && m["ip"] != "" {
			s.watch(net.JoinHostPort(m["ip"], m["port"]), false)
		}
	}
}

// listen has a Sentinel tell by itself when the primary changes.
func (s *sentinels) listen(ctx context.Context, client rueidis.Client, v *vote) {
	for {
		subscribe := client.B().Subscribe().Channel("+switch-master", "+promoted-slave").Build()
		_ = client.Receive(ctx, subscribe, func(m rueidis.PubSubMessage) { // it ends with the connection, which the client makes again
			s.told(v, m.Channel, strings.Fields(m.Message))
		})
		select {
		case <-time.After(sentinelInterval):
		case <-ctx.Done():
			return
		}
	}
}

// told reads a message: the set's name with the old and the new place, or, of a replica that has become the primary while the
// others have still to follow it, "slave <name> <place> @ <set> <old place>".
func (s *sentinels) told(v *vote, channel string, words []string) {
	switch {
	case channel == "+switch-master" && len(words) >= 5 && words[0] == s.opts.SentinelMaster:
		s.cast(v, net.JoinHostPort(words[3], words[4]), nil)
	case channel == "+promoted-slave" && len(words) >= 8 && words[5] == s.opts.SentinelMaster:
		s.mu.Lock()
		s.promoted, s.demoted = net.JoinHostPort(words[2], words[3]), net.JoinHostPort(words[6], words[7])
		promoted := s.promoted
		s.mu.Unlock()
		s.moved(promoted)
	}
}

// again has all Sentinels asked now and not when it is their time.
func (s *sentinels) again() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.votes {
		select {
		case v.poke <- struct{}{}:
		default:
		}
	}
}
