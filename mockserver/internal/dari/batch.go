package dari

import (
	"errors"
	"slices"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver/internal/httpjson"
	"github.com/darihook/darihook/mockserver/internal/ident"
)

// partialFailed is the status of a batch of which some sessions failed.
const partialFailed = "partial_failed"

// batch is a session batch, as it is stored.
type batch struct {
	ID     string      `json:"id"`
	Org    string      `json:"org"`
	Status string      `json:"status"`
	Items  []batchItem `json:"items"`
}

// batchItem is one session of a batch, or the reason why there is none.
type batchItem struct {
	AgentID   string            `json:"agent_id"`
	VersionID string            `json:"version_id"`
	LLMID     *string           `json:"llm_id"`
	Metadata  map[string]string `json:"metadata"`
	SessionID string            `json:"session_id,omitempty"`
	Error     string            `json:"error,omitempty"`
	// Status is the last message's, kept so that the batch does not depend on a session that was dropped.
	Status string `json:"status"`
}

// batchCounts is how many sessions stand where.
type batchCounts struct {
	Queued    int `json:"queued"`
	Running   int `json:"running"`
	Completed int `json:"completed"`
	Failed    int `json:"failed"`
}

// batchView is a batch as the API shows it.
type batchView struct {
	BatchID  string             `json:"batch_id"`
	Status   string             `json:"status"`
	Counts   batchCounts        `json:"counts"`
	Sessions []batchSessionView `json:"sessions"`
}

type batchSessionView struct {
	Index             int               `json:"index"`
	SessionID         *string           `json:"session_id"`
	Status            *string           `json:"status"`
	LastMessageStatus *string           `json:"last_message_status"`
	AgentID           string            `json:"agent_id"`
	VersionID         *string           `json:"version_id"`
	LLMID             *string           `json:"llm_id"`
	Metadata          map[string]string `json:"metadata"`
	TranscriptURL     *string           `json:"transcript_url"`
	Error             *string           `json:"error"`
}

// batchSpec is what a batch is made from.
type batchSpec struct {
	IdempotencyKey *string         `json:"idempotency_key"`
	Items          []batchItemSpec `json:"items"`
}

type batchItemSpec struct {
	AgentID   string            `json:"agent_id"`
	VersionID *string           `json:"version_id"`
	LLMID     *string           `json:"llm_id"`
	Metadata  map[string]string `json:"metadata"`
	Secrets   map[string]string `json:"secrets"`
	Message   *batchMessageSpec `json:"message"`
}

type batchMessageSpec struct {
	Content  []map[string]any `json:"content"`
	Metadata map[string]any   `json:"metadata"`
}

// maxItems bounds the sessions of a batch, and maxBatches and maxBatchBytes the batches that are remembered.
const (
	maxItems      = 1000
	maxBatches    = 1000
	maxBatchBytes = 64 << 20
)

// size is what a batch takes.
func (b *batch) size() (n int) {
	const itemCost = 256
	for _, item := range b.Items {
		n += itemCost + len(item.AgentID)
		for key, value := range item.Metadata {
			n += len(key) + len(value)
		}
	}
	return n
}

// keepBatch remembers a batch, and drops the oldest that are too many.
func (p *Platform) keepBatch(b *batch) {
	p.batches.put(b.ID, b)
	p.batchBytes += b.size()
	for p.batches.len() > 1 && (p.batches.len() > maxBatches || p.batchBytes > maxBatchBytes) {
		oldest, _ := p.batches.get(p.batches.order[0])
		p.batchBytes -= oldest.size()
		p.batches.remove(oldest.ID)
		p.o.Store.Delete(tableBatches, oldest.ID)
	}
}

// check names what is missing.
func (spec batchSpec) check() error {
	var p httpjson.Problems
	if len(spec.Items) == 0 || len(spec.Items) > maxItems {
		p.Invalid("must be a list of 1 to 1000 items", "body", "items")
	}
	for i, item := range spec.Items {
		if item.AgentID == "" {
			p.Missing("body", "items", i, "agent_id")
		}
		if item.Message == nil {
			p.Missing("body", "items", i, "message")
		} else {
			checkContent(&p, item.Message.Content, "body", "items", i, "message", "content")
		}
		checkMetadata(&p, item.Metadata, "body", "items", i)
	}
	if spec.IdempotencyKey != nil && len(*spec.IdempotencyKey) > maxRepeatKey {
		p.Invalid(longRepeatKey, "body", "idempotency_key")
	}
	return p.Err()
}

// newBatch makes a batch and starts its sessions. An item that cannot be started fails alone.
func (p *Platform) newBatch(org string, spec batchSpec) *batch {
	b := &batch{ID: ident.New("batch"), Org: org, Status: queued}
	for _, item := range spec.Items {
		b.Items = append(b.Items, batchItem{AgentID: item.AgentID, LLMID: item.LLMID, Metadata: item.Metadata, Status: queued})
	}
	p.keepBatch(b)
	sessions := make([]*session, len(spec.Items))
	for i, item := range spec.Items {
		sessions[i] = p.startItem(b, i, item)
	}
	b.Status = running
	for i, s := range sessions {
		if s == nil {
			continue
		}
		if _, _, err := p.addMessage(s, spec.Items[i].Message.Content); err != nil {
			b.fail(i, err)
		}
	}
	p.settleBatch(b)
	return b
}

// startItem makes the session of an item.
func (p *Platform) startItem(b *batch, i int, item batchItemSpec) *session {
	a, err := p.access(b.Org, item.AgentID)
	if err != nil {
		b.fail(i, err)
		return nil
	}
	s, err := p.newSession(a, "", sessionSpec{VersionID: item.VersionID, LLMID: item.LLMID, Metadata: item.Metadata})
	if err != nil {
		b.fail(i, err)
		return nil
	}
	s.BatchID = b.ID
	b.Items[i].SessionID, b.Items[i].VersionID = s.ID, s.VersionID
	return s
}

// fail notes why an item has no session.
func (b *batch) fail(i int, err error) {
	detail := "internal error"
	if e, ok := errors.AsType[*httpjson.Error](err); ok {
		detail = e.Detail
	}
	b.Items[i].Error, b.Items[i].Status = detail, failed
}

// batchMoved notes that a session of a batch may have ended.
func (p *Platform) batchMoved(s *session) {
	if b, ok := p.batches.get(s.BatchID); ok {
		i := slices.IndexFunc(b.Items, func(item batchItem) bool { return item.SessionID == s.ID })
		if i < 0 {
			return
		}
		b.Items[i].Status = s.last().Status
		p.settleBatch(b)
	}
}

// settleBatch ends a batch whose sessions have all ended, and announces it.
func (p *Platform) settleBatch(b *batch) {
	defer p.o.Store.Put(tableBatches, b.ID, b)
	c := p.count(b)
	if b.Status != running || c.Queued+c.Running > 0 {
		return
	}
	eventType := contract.BatchPartialFailed
	b.Status = partialFailed
	switch {
	case c.Failed == 0:
		b.Status, eventType = completed, contract.BatchCompleted
	case c.Completed == 0:
		b.Status, eventType = failed, contract.BatchFailed
	}
	p.announceBatch(b, eventType, c)
}

// announceBatch tells every agent of the batch, each once.
func (p *Platform) announceBatch(b *batch, eventType string, c batchCounts) {
	var told []string
	for _, item := range b.Items {
		if slices.Contains(told, item.AgentID) {
			continue
		}
		told = append(told, item.AgentID)
		p.announce(item.AgentID, ident.New("evt"), eventType, map[string]any{
			"batch_id": b.ID, "agent_id": item.AgentID, "status": b.Status, "counts": c, "metadata": item.Metadata,
		})
	}
}

// count counts the sessions of a batch. An item is running as soon as its message is not queued.
func (p *Platform) count(b *batch) (c batchCounts) {
	for i := range b.Items {
		if s, ok := p.sessions.get(b.Items[i].SessionID); ok && s.last() != nil {
			b.Items[i].Status = s.last().Status
		}
		switch b.Items[i].Status {
		case queued:
			c.Queued++
		case completed:
			c.Completed++
		case failed:
			c.Failed++
		default:
			c.Running++
		}
	}
	return c
}

// viewBatch shows a batch.
func (p *Platform) viewBatch(b *batch) batchView {
	v := batchView{BatchID: b.ID, Status: b.Status, Counts: p.count(b), Sessions: []batchSessionView{}}
	for i, item := range b.Items {
		one := batchSessionView{Index: i, AgentID: item.AgentID, LLMID: item.LLMID, Metadata: item.Metadata}
		if one.Metadata == nil {
			one.Metadata = map[string]string{}
		}
		if item.SessionID != "" {
			transcript := p.o.BaseURL() + "/v1/sessions/" + item.SessionID + "/transcript"
			one.SessionID, one.VersionID, one.TranscriptURL = &item.SessionID, &item.VersionID, &transcript
			one.LastMessageStatus = &item.Status
			if s, ok := p.sessions.get(item.SessionID); ok {
				status := s.Status
				one.Status = &status
			}
		}
		if item.Error != "" {
			one.Error = &item.Error
		}
		v.Sessions = append(v.Sessions, one)
	}
	return v
}
