package listen

import (
	"errors"
	"net/http"
	"strconv"
	"testing"

	"github.com/darihook/darihook/internal/trust"
)

func TestRecentRemembersTheLatest(t *testing.T) {
	t.Parallel()
	var r recent
	for i := range 3 * maxRecent {
		r.add(strconv.Itoa(i))
		r.add(strconv.Itoa(i)) // once more takes no place
	}
	if len(r.known) != maxRecent || len(r.ring) != maxRecent {
		t.Errorf("%d ids in %d places are remembered, want %d", len(r.known), len(r.ring), maxRecent)
	}
	for i, want := range map[int]bool{0: false, 2*maxRecent - 1: false, 2 * maxRecent: true, 3*maxRecent - 1: true} {
		if r.has(strconv.Itoa(i)) != want {
			t.Errorf("that id %d is remembered is %v", i, !want)
		}
	}
}

func TestCarrierReachesLoopbackAlone(t *testing.T) {
	t.Parallel()
	// The address is of a block for documentation (RFC 5737): the rule must hold before anything is sent.
	for _, url := range []string{"http://192.0.2.1:9/", "http://[2001:db8::1]:9/"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := carrier(false, trust.Options{}).RoundTrip(req)
		if err == nil {
			resp.Body.Close()
		}
		if !errors.Is(err, ErrRemote) {
			t.Errorf("a request to %s ended with %v", url, err)
		}
	}
}
