package dari

import (
	"fmt"

	"github.com/darihook/darihook/mockserver/client"
)

// maxResults is how many tool results are remembered, and maxResultBytes how many bytes they may hold together.
const (
	maxResults     = 10_000
	maxResultBytes = 64 << 20
)

// results are the tool results that applications have sent, the oldest first.
type results struct {
	list  []client.Result
	keys  []string // under which they are stored
	bytes int
}

// add appends a result, and drops the oldest that are too many. It returns the keys of those.
func (r *results) add(key string, result client.Result) (dropped []string) {
	r.list, r.keys = append(r.list, result), append(r.keys, key)
	r.bytes += len(result.Result)
	n := 0
	for ; len(r.list)-n > maxResults || r.bytes > maxResultBytes; n++ {
		r.bytes -= len(r.list[n].Result)
		r.list[n] = client.Result{}
	}
	dropped = r.keys[:n:n]
	r.list, r.keys = r.list[n:], r.keys[n:]
	return dropped
}

// result remembers a tool result for those who ask what an application has sent.
func (p *Platform) result(r client.Result) {
	p.serial++
	key := fmt.Sprintf("%020d", p.serial)
	p.o.Store.Put(tableResults, key, r)
	p.forgetResults(p.results.add(key, r))
}

func (p *Platform) forgetResults(keys []string) {
	for _, key := range keys {
		p.o.Store.Delete(tableResults, key)
	}
}

// Results returns the tool results that applications have sent, the oldest first, refused ones included.
func (p *Platform) Results() []client.Result {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]client.Result{}, p.results.list...)
}
