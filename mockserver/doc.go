// Package mockserver is an agent platform on a laptop: it configures webhooks, signs deliveries, retries them, and
// misbehaves when it is asked to. It needs no account and no network.
//
// In a Go test, [New] starts one and ends it with the test:
//
//	mock := mockserver.New(t)
//	secret := mock.SetWebhook(t, receiver.URL)
//	mock.Client.Emit(ctx, client.Event{Type: "tool.call_requested"})
//
// Elsewhere [Start] does, and "darihook mock" is the same as a program. Options.Provider says which platform it is: Dari,
// Danube or Tess. The platform's API is where the platform has it; under /_mock/ are the calls that drive it, for which
// package client has the types.
//
// Every platform is data and an implementation of one interface; the delivery engine beneath knows none of them.
package mockserver
