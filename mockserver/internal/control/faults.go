package control

import (
	"errors"
	"net/http"

	"github.com/darihook/darihook/mockserver/faults"
	"github.com/darihook/darihook/mockserver/internal/httpjson"
	"github.com/darihook/darihook/mockserver/internal/ident"
)

func (a *API) listFaults(http.ResponseWriter, *http.Request) (int, any, error) {
	return http.StatusOK, map[string]any{"faults": a.Faults.List()}, nil
}

func (a *API) listKinds(http.ResponseWriter, *http.Request) (int, any, error) {
	return http.StatusOK, map[string]any{"kinds": faults.KindsFor(a.Platform.Provider())}, nil
}

// addFault switches a fault on.
func (a *API) addFault(w http.ResponseWriter, r *http.Request) (int, any, error) {
	var f faults.Fault
	if err := httpjson.Read(w, r, &f); err != nil {
		return 0, nil, err
	}
	if err := a.checkFault(f); err != nil {
		return 0, nil, err
	}
	f.ID, f.Struck = ident.New("flt"), 0
	if err := a.Faults.Add(f); err != nil {
		return 0, nil, httpjson.Refuse(http.StatusTooManyRequests, "%v", err)
	}
	return http.StatusCreated, f, nil
}

// checkFault names the field that is wrong.
func (a *API) checkFault(f faults.Fault) error {
	if f.Kind == "" {
		return httpjson.Problems{{Loc: []any{"body", "kind"}, Msg: "Field required", Type: "missing"}}
	}
	err := a.Platform.CheckFault(f)
	if violation, ok := errors.AsType[*faults.Violation](err); ok {
		return httpjson.Invalid(violation.Msg, "body", violation.Field)
	}
	return err
}

func (a *API) getFault(_ http.ResponseWriter, r *http.Request) (int, any, error) {
	f, ok := a.Faults.Get(r.PathValue("id"))
	if !ok {
		return 0, nil, httpjson.NotFound("Fault")
	}
	return http.StatusOK, f, nil
}

func (a *API) removeFault(_ http.ResponseWriter, r *http.Request) (int, any, error) {
	if !a.Faults.Remove(r.PathValue("id")) {
		return 0, nil, httpjson.NotFound("Fault")
	}
	return http.StatusOK, map[string]any{"id": r.PathValue("id"), "deleted": true}, nil
}

func (a *API) clearFaults(http.ResponseWriter, *http.Request) (int, any, error) {
	a.Faults.Clear()
	return http.StatusOK, map[string]any{"faults": []faults.Fault{}}, nil
}
