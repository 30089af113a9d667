// Package mutants holds implementations of every side of the contract that are wrong on purpose, each in one way, so
// that the conformance suite can be shown to notice.
//
// For each role there is one small correct implementation, the reference: a [contract.Receiver], a [contract.Gate], and
// a platform that is both [contract.Sender] and [contract.Config]. A mutant is its reference with exactly one fault, and
// names the clause that the fault breaks: the suite must find that clause broken, and no unrelated one. The references
// must be found conformant.
//
// The references use the standard library and the contract only. They are no part of the product and share no code with
// it, so that the suite is tried against something that was not written together with what it judges. They listen on
// loopback, keep everything in memory, and are over when the test is.
package mutants
