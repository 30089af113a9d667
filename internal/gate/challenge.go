package gate

import (
	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/gate/envelope"
)

// compileChallenge prepares the reading of a provider's challenges, or nil where it has none.
func compileChallenge(c contract.Challenge) (*envelope.Scanner, error) {
	if c == (contract.Challenge{}) {
		return nil, nil
	}
	return envelope.Compile(envelope.Paths{ID: c.AnswerPath, Type: c.TypePath})
}

// challenged reports whether a verified body is a challenge, and what answers it.
func (g *Gate) challenged(body []byte) (answer string, ok bool) {
	if g.challenge == nil {
		return "", false
	}
	fields, err := g.challenge.Scan(body)
	if err != nil || fields.Type != g.opts.Provider.Challenge.TypeValue {
		return "", false
	}
	return fields.ID, fields.ID != ""
}
