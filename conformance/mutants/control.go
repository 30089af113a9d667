package mutants

import (
	"encoding/json"
	"net/http"
)

// readOrder reads what a trigger asks for, or answers what is wrong with it.
func readOrder(w http.ResponseWriter, r *http.Request) (order, bool) {
	o := order{Count: 1}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&o); err != nil || o.Count < 1 || o.Count > maxCount {
		http.Error(w, "the body is no order for 1 to 1000 events", http.StatusUnprocessableEntity)
		return o, false
	}
	return o, true
}

// emitter is a platform that makes the deliveries of one event, and reports whether there can be such an event.
type emitter interface {
	emit(o order) (deliveries []*delivery, ok bool)
}

// serveControls adds the calls by which a platform is driven: those that make it emit events and move its retry clock.
func serveControls(mux *http.ServeMux, e *engine, p emitter) {
	mux.HandleFunc("POST /_mock/clock/advance", e.serveAdvance)
	mux.HandleFunc("POST /_mock/events", func(w http.ResponseWriter, r *http.Request) {
		o, ok := readOrder(w, r)
		if !ok {
			return
		}
		for range o.Count {
			deliveries, ok := p.emit(o)
			if !ok {
				http.Error(w, "there is no such event", http.StatusUnprocessableEntity)
				return
			}
			for _, d := range deliveries {
				e.start(d)
			}
		}
		writeJSON(w, http.StatusAccepted, map[string]any{"events": o.Count})
	})
}
