// Package forward takes verified deliveries to a receiver nearby, over HTTP/1.1.
//
// A general proxy moves a body that is still arriving to a server that it knows nothing about. A delivery that has been
// verified is in memory, its length is known, and it goes to one receiver. So its request is written and its answer read by
// the goroutine that serves it, with no other to hand them to. Connections are kept, and looked at before they are used
// again: a request that was sent into a closed one cannot be repeated, since nobody knows whether it was processed.
//
// Formatting, parsing and the pool of connections are fasthttp's.
package forward
