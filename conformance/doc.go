// Package conformance judges an implementation of one side of the contract, clause by clause.
//
// Four sides can be judged (see [contract.Role]). The suite plays the others:
//
//   - a receiver is sent signed deliveries, right and wrong ones; the suite hosts the submit_url of its tool calls and
//     counts the results that come back, so that "processed once" is seen and not believed;
//   - a gate is sent the same, and the suite is its upstream as well;
//   - a sender is set up through its configuration API, triggered by a command or URL, and watched;
//   - a configuration API is called as a client would.
//
// Specs are data: each [Spec] belongs to one clause and is carried out by one engine. The engine has three fronts: [Run]
// makes every spec a subtest, [Register] makes every spec a Ginkgo node with the clause as its label, and [Judge] runs
// them without any test framework and returns the [Report].
//
// The package signs and verifies with a few lines of its own and imports nothing of this module but the contract and
// its fixtures, so that a mistake of the product cannot hide in the suite as well.
package conformance
