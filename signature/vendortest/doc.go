// Package vendortest holds package signature against the libraries that platforms publish for their own webhooks, for Go and
// for npm: what they sign is verified here, what is signed here they verify, and of a table of altered requests both refuse
// the same. Where they do not, the difference is listed in docs/providers.md with its reason.
//
// It is a module of its own, so that nobody who uses this project has to download those libraries. Those for npm are in the
// folder npm, with the program that calls them; scripts/test installs them.
package vendortest
