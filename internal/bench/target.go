package main

import "strings"

// target is what stands in front of the receiver, or the receiver itself.
type target struct {
	// name selects it and heads its row.
	name string
	// server tells what kind of process it is.
	server server
	// gate holds the lines of the gate's block; nil: there is no gate.
	gate []string
	// next is what follows the gate in the site's block.
	next string
	// config is the configuration of a target that is no Caddy.
	config string
	// answers is set where the target answers by itself, and no more than shortBody bytes of body are sent to it: Caddy reads
	// none, and net/http closes the connection on a long one.
	answers bool
	// queues is set where the target accepts a delivery for later with 202.
	queues bool
	// header is where it expects the signature; "": in the platform's own.
	header string
	// redis is set where the gate's store is the bench's Redis server, whose processor time counts as the target's.
	redis bool
	// over names the baselines of its ratios.
	over []string
}

// verifies reports whether the target refuses what is not signed.
func (t target) verifies() bool {
	return t.gate != nil || t.server == nginxLua || t.server == node
}

// ofDefaultStore reports whether the gate has the store that gates have unless told otherwise.
func (t target) ofDefaultStore() bool { return strings.HasPrefix(t.name, "gate-disk") }

// server is a kind of process.
type server int

const (
	receiver server = iota
	caddy
	nginx
	nginxLua
	node
	hookaido
)

// What targets write for the addresses and folders that are only known when they start.
const (
	receiverMark = "RECEIVER"
	redisMark    = "REDIS"
	folderMark   = "FOLDER"
)

// shortBody is the longest body for targets that read none.
const shortBody = 64 << 10

const (
	respond = "respond"
	stock   = "reverse_proxy"
	tuned   = "reverse_proxy-tuned"

	stockProxy = "reverse_proxy " + receiverMark
	// tunedProxy keeps a connection to the receiver for every one of the senders', where the default keeps 32, asks for
	// no compression, and reads and writes a body in larger pieces.
	tunedProxy = "reverse_proxy " + receiverMark + ` {
		transport http {
			keepalive_idle_conns_per_host 1024
			compression off
			read_buffer 64KiB
			write_buffer 64KiB
		}
	}`
)

// targets lists everything that is measured. A ratio is against the targets that its target is over.
func targets() []target {
	all := []target{
		{name: "receiver", server: receiver, over: []string{stock}},
		{name: respond, server: caddy, next: "respond 200", answers: true, over: []string{stock}},
		{name: stock, server: caddy, next: stockProxy, over: []string{stock}},
		{name: tuned, server: caddy, next: tunedProxy, over: []string{stock}},
		{name: "nginx", server: nginx, config: nginxPlain, over: []string{stock}},
		{name: "nginx-lua", server: nginxLua, config: nginxVerifying, over: []string{stock, "nginx"}},
		{name: "node", server: node, over: []string{stock}},
		{name: "hookaido", server: hookaido, answers: true, queues: true, header: "Stripe-Signature", over: []string{stock}},
	}
	all = append(all, gates("", nil, stockProxy, stock)...)
	all = append(all, gates("-tuned", nil, tunedProxy, tuned, stock)...)
	return append(all, gates("-lean", []string{"forward " + receiverMark}, "", stock, "nginx-lua")...)
}

// gates returns a gate of each store, with some more lines in its block, in front of what follows.
func gates(suffix string, lines []string, next string, over ...string) []target {
	stores := []struct{ name, dedup string }{
		{"off", "off"},
		{"memory", "memory"},
		{"disk", "disk " + folderMark + "/ids"},
		{"redis", "redis " + redisMark},
	}
	var all []target
	for _, s := range stores {
		all = append(all, target{
			name: "gate-" + s.name + suffix, server: caddy, next: next, redis: s.name == "redis", over: over,
			gate: append([]string{"secret {env.BENCH_SECRET}", "dedup " + s.dedup}, lines...),
		})
	}
	return all
}
