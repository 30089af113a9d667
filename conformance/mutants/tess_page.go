package mutants

import (
	"net/http"
	"strconv"
)

// item is a webhook as lists show it (clause CFG-047).
func (p *tess) item(h *tessHook) map[string]any {
	view := h.view()
	view["success_count"], view["failure_count"], view["deleted_at"] = h.successes, h.failures, nil
	if h.deleted && p.fault != deleteKeepsWebhook {
		view["deleted_at"] = view["updated_at"]
	}
	switch p.fault {
	case countsMissing:
		delete(view, "success_count")
		delete(view, "failure_count")
	case deletedAtMissing:
		delete(view, "deleted_at")
	}
	return view
}

// listOfAgent shows a page of an agent's webhooks.
func (p *tess) listOfAgent(w http.ResponseWriter, r *http.Request, agent int64) {
	p.page(w, r, func(h *tessHook) bool { return h.agent == agent })
}

// list shows a page of all webhooks (clause CFG-048).
func (p *tess) list(w http.ResponseWriter, r *http.Request) {
	p.page(w, r, func(h *tessHook) bool { return h.agent == tessAgent || p.fault != firstAgentOnly })
}

// page shows a page of the webhooks that match (clauses CFG-045 and CFG-046). The deleted ones are left out.
func (p *tess) page(w http.ResponseWriter, r *http.Request, match func(*tessHook) bool) {
	items := []map[string]any{}
	for _, h := range p.hooks {
		if match(h) && (!h.deleted || p.fault == deleteKeepsWebhook) {
			items = append(items, p.item(h))
		}
	}
	if p.fault == bareList {
		writeJSON(w, http.StatusOK, items)
		return
	}
	number, size := p.wanted(r)
	last := max(1, (len(items)+size-1)/size)
	from, to := min((number-1)*size, len(items)), min(number*size, len(items))
	path := p.url + r.URL.Path
	page := map[string]any{
		"current_page": number, "data": items[from:to], "first_page_url": path + "?page=1", "last_page": last,
		"last_page_url": path + "?page=" + strconv.Itoa(last), "path": path, "per_page": size, "total": len(items),
		"from": nil, "to": nil, "prev_page_url": nil, "next_page_url": nil,
		"links": []map[string]any{{"url": path + "?page=1", "label": "1", "active": number == 1}},
	}
	if from < to {
		page["from"], page["to"] = from+1, to
	}
	if number > 1 {
		page["prev_page_url"] = path + "?page=" + strconv.Itoa(number-1)
	}
	if number < last {
		page["next_page_url"] = path + "?page=" + strconv.Itoa(number+1)
	}
	if p.fault == linksMissing {
		delete(page, "links")
	}
	writeJSON(w, http.StatusOK, page)
}

// wanted is which page of which size a request asks for.
func (p *tess) wanted(r *http.Request) (page, size int) {
	page, size = 1, 15
	if p.fault == tenPerPage {
		size = 10
	}
	if n, err := strconv.Atoi(r.URL.Query().Get("page")); err == nil && n > 0 && p.fault != pageIgnored {
		page = n
	}
	if n, err := strconv.Atoi(r.URL.Query().Get("per_page")); err == nil && n > 0 && p.fault != perPageIgnored {
		size = n
	}
	return page, size
}
