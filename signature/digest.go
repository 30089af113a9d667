package signature

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"hash"
	"slices"
	"sync"

	"github.com/darihook/darihook/contract"
)

// ErrClosed is what writing to a closed [Digest] returns.
var ErrClosed = errors.New("the digest is closed")

// Digest hashes the body of one request under every secret of its [Verifier]. Write the body to it as it is read, ask
// [Digest.Match] once it is complete, and close it in any case. A Digest belongs to one goroutine at a time.
//
// An Ed25519 signature cannot be checked piece by piece, so that under such a scheme the Digest keeps a copy of the body
// until it is closed.
type Digest struct{ state *state }

// state is the pooled part of a digest. A closed Digest lets go of it, so that whoever still holds the Digest cannot
// reach into another request's.
type state struct {
	home *sync.Pool
	macs []hash.Hash
	// publics are the keys where they are public ones, and message is what has been written.
	publics [][]byte
	message []byte
	// headOnly keeps the body out of what is signed.
	headOnly bool
	values   [contract.MaxSignatures][maxSize]byte
	count    int
	head     []byte
	sum      [maxSize]byte
}

// newState returns the hash states of the keys, ready for the first body.
func newState(home *sync.Pool, a contract.Algorithm, keys [][]byte) *state {
	st := &state{home: home}
	if a == contract.Ed25519 {
		st.publics = keys
		return st
	}
	for _, key := range keys {
		mac := hmac.New(sha256.New, key)
		mac.Reset() // keeps the keyed state, so that later resets copy it instead of hashing the key again
		st.macs = append(st.macs, mac)
	}
	return st
}

// begin loads a request's signatures and hashes what is signed ahead of the body.
func (st *state) begin(p *plan, s *Signature) {
	st.count = copy(st.values[:], s.values[:s.count])
	st.headOnly = !p.signsBody
	st.head = p.appendHead(st.head[:0], s.seconds, s.id)
	st.write(st.head)
}

// write hashes a piece of the signed bytes under every key.
func (st *state) write(b []byte) {
	if st.publics != nil {
		st.message = append(st.message, b...)
	}
	for _, mac := range st.macs {
		_, _ = mac.Write(b) // a hash.Hash never returns an error
	}
}

// maxKept is the longest message in bytes whose memory a pooled state keeps.
const maxKept = 64 << 10

// wipe forgets the request; the keyed states stay.
func (st *state) wipe() {
	for _, mac := range st.macs {
		mac.Reset()
	}
	clear(st.values[:st.count])
	clear(st.head)
	clear(st.sum[:])
	st.count = 0
	clear(st.message)
	st.message = st.message[:0]
	if cap(st.message) > maxKept {
		st.message = nil
	}
}

// Write hashes the next piece of the body. It takes all of it, and returns [ErrClosed] after Close.
func (d *Digest) Write(b []byte) (int, error) {
	if d.state == nil {
		return 0, ErrClosed
	}
	if !d.state.headOnly {
		d.state.write(b)
	}
	return len(b), nil
}

// Match reports whether any of the request's signatures belongs to the bytes written so far under any of the secrets,
// and which secret that is; the first in configuration where several fit. Every signature is compared with every
// secret in full, whatever matched before, so that the time tells nothing (clause SIG-011). After Close it reports false.
func (d *Digest) Match() (secret int, ok bool) {
	st := d.state
	if st == nil {
		return 0, false
	}
	if st.publics != nil {
		return st.matchPublic()
	}
	var matched int
	for i, mac := range slices.Backward(st.macs) {
		sum := mac.Sum(st.sum[:0])
		var hit int
		for j := range st.values[:st.count] {
			hit |= subtle.ConstantTimeCompare(sum, st.values[j][:len(sum)])
		}
		secret = subtle.ConstantTimeSelect(hit, i, secret)
		matched |= hit
	}
	return secret, matched == 1
}

// matchPublic compares under public keys, of which none is a secret that the time could tell.
func (st *state) matchPublic() (secret int, ok bool) {
	for i, key := range st.publics {
		for j := range st.values[:st.count] {
			if ed25519.Verify(key, st.message, st.values[j][:ed25519.SignatureSize]) {
				return i, true
			}
		}
	}
	return 0, false
}

// Close forgets the request and returns the hash states to their pool. The Digest is of no use afterwards; closing it
// again does nothing.
func (d *Digest) Close() {
	st := d.state
	if st == nil {
		return
	}
	d.state = nil
	st.wipe()
	st.home.Put(st)
}
