// Package ident makes the ids that the mock platform hands out.
package ident

import "crypto/rand"

// New returns an id: the prefix, as "evt", an underscore, and 130 random bits in lower-case base32.
func New(prefix string) string {
	const alphabet = "abcdefghijklmnopqrstuvwxyz234567"
	var random [26]byte
	rand.Read(random[:]) // never fails: crypto/rand ends the process instead
	for i, b := range random {
		random[i] = alphabet[b%32]
	}
	return prefix + "_" + string(random[:])
}

// Secret returns a signing secret: whsec_ and 192 random bits in hexadecimal.
func Secret(prefix string) string {
	const digits = "0123456789abcdef"
	var random [48]byte
	rand.Read(random[:])
	for i, b := range random {
		random[i] = digits[b%16]
	}
	return prefix + string(random[:])
}
