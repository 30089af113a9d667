package main

import (
	"crypto/tls"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/darihook/darihook/internal/trust"
)

// trustFlags are the flags that say which certificates are accepted.
type trustFlags struct {
	file string
	skip bool
}

// add declares the flags, for servers of a kind.
func (f *trustFlags) add(flags *pflag.FlagSet, servers string) {
	flags.StringVar(&f.file, "ca-file", "", "PEM file with the authorities that certificates of "+servers+" may come from (default: the machine's)")
	flags.BoolVar(&f.skip, "insecure-skip-verify", false, "accept any certificate from "+servers+" at loopback, private and link-local addresses")
}

// config returns the configuration of connections; nil is Go's own.
func (f *trustFlags) config() (*tls.Config, error) {
	config, err := trust.FromFile(f.file)
	if err != nil {
		return nil, fmt.Errorf("reading --ca-file: %w", err)
	}
	return config, nil
}

// options returns what the flags accept.
func (f *trustFlags) options() (trust.Options, error) {
	config, err := f.config()
	return trust.Options{Config: config, SkipVerify: f.skip}, err
}
