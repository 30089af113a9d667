package faults_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver/faults"
)

// A provider is offered the faults that it can have, and exactly the others are refused.
func TestKindsForAProvider(t *testing.T) {
	t.Parallel()
	signing := []string{
		"wrong_secret", "old_and_new_secret", "no_signature", "two_signature_headers", "two_timestamps", "unknown_version", "stale", "future",
	}
	numbered := []string{"other_scheme", "no_id", "id_header_differs"}
	for _, row := range []struct {
		provider contract.Provider
		without  []string
	}{
		{contract.Dari(), nil},
		{contract.Danube(), numbered},
		{contract.Tess(), append(signing, numbered...)},
	} {
		fit := faults.KindsFor(row.provider)
		for _, kind := range faults.Kinds() {
			f := faults.Fault{Kind: kind.Name}
			if kind.Name == "other_scheme" {
				f.Scheme = "dari-body"
			}
			offered := slices.ContainsFunc(fit, func(k faults.Kind) bool { return k.Name == kind.Name })
			if want := !slices.Contains(row.without, kind.Name); offered != want {
				t.Errorf("%s is offered %s: %v, want %v", row.provider.Title, kind.Name, offered, want)
			}
			violation, refused := errors.AsType[*faults.Violation](f.ValidateFor(row.provider))
			if refused == offered || refused && violation.Field != "kind" {
				t.Errorf("%s with %s is answered with %v", row.provider.Title, kind.Name, violation)
			}
		}
	}
}

func TestFaultsOfOtherProviders(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		fault faults.Fault
		field string
	}{
		"event type": {faults.Fault{Kind: "stale", EventType: contract.SessionFailed}, "event_type"},
		"kind":       {faults.Fault{Kind: "gremlins"}, "kind"},
		"parameter":  {faults.Fault{Kind: "stale", Copies: 2}, "copies"},
	} {
		violation, refused := errors.AsType[*faults.Violation](row.fault.ValidateFor(contract.Danube()))
		if !refused || violation.Field != row.field {
			t.Errorf("%s: %v, want a violation of %s", name, violation, row.field)
		}
	}
	unknown := faults.Fault{Kind: "other_scheme", Scheme: "danube"}
	if violation, refused := errors.AsType[*faults.Violation](unknown.ValidateFor(contract.Dari())); !refused || violation.Field != "scheme" {
		t.Errorf("a scheme of Danube's is answered with %v", violation)
	}
}
