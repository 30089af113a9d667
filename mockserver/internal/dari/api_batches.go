package dari

import (
	"net/http"

	"github.com/darihook/darihook/mockserver/internal/httpjson"
)

// createBatch starts many sessions at once. The same idempotency_key answers with the first batch.
func (p *Platform) createBatch(w http.ResponseWriter, r *http.Request, org string) (int, any, error) {
	var spec batchSpec
	if err := httpjson.Read(w, r, &spec); err != nil {
		return 0, nil, err
	}
	if err := spec.check(); err != nil {
		return 0, nil, err
	}
	key := ""
	if spec.IdempotencyKey != nil {
		key = *spec.IdempotencyKey
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if done, ok := p.repeatOf(org, "batch", key); ok {
		if b, ok := p.batches.get(done.BatchID); ok {
			return http.StatusOK, p.viewBatch(b), nil
		}
	}
	b := p.newBatch(org, spec)
	p.repeatable(org, "batch", key, repeat{BatchID: b.ID})
	return http.StatusCreated, p.viewBatch(b), nil
}

func (p *Platform) getBatch(_ http.ResponseWriter, r *http.Request, org string) (int, any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b, ok := p.batches.get(r.PathValue("batch"))
	if !ok {
		return 0, nil, httpjson.NotFound("Session batch")
	}
	if b.Org != org {
		return 0, nil, httpjson.Refuse(http.StatusForbidden, "This API key belongs to another organization")
	}
	return http.StatusOK, p.viewBatch(b), nil
}
