// Package signature signs webhook deliveries and verifies them.
package signature
