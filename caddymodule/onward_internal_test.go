package caddymodule

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
)

// TestCutLoose holds a request against its sender: nothing ends it while the receiver is at work, and behind the gate it ends
// with its sender again.
func TestCutLoose(t *testing.T) {
	t.Parallel()
	type key struct{}
	for name, within := range map[string]func(*http.Request){
		"ok/as it was":              func(*http.Request) {},
		"ok/a value that was added": func(r *http.Request) { *r = *r.WithContext(context.WithValue(r.Context(), key{}, "added")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				for _, early := range []bool{true, false} {
					sender, hangUp := context.WithCancel(t.Context())
					r := new(http.Request).WithContext(sender)
					end := cutLoose(r, new(recorder))
					within(r)
					work, added := r.Context(), r.Context().Value(key{})
					if early {
						hangUp()
						synctest.Wait()
					}
					if err := work.Err(); err != nil {
						t.Errorf("at the receiver: %v", err)
					}
					end()
					if got := r.Context().Value(key{}); got != added {
						t.Errorf("behind the gate the value is %v, want %v", got, added)
					}
					if err := r.Context().Err(); !early && err != nil {
						t.Errorf("behind the gate: %v", err)
					}
					hangUp()
					synctest.Wait()
					if r.Context().Err() == nil || work.Err() == nil {
						t.Errorf("without its sender: %v, and the work: %v", r.Context().Err(), work.Err())
					}
				}
			})
		})
	}
}
