package conformance

import "context"

type sending struct{}

func (*sending) close()                                {}
func (s *session) prepareSender(context.Context) error { return nil }
func (s *session) reachAPI(context.Context) error      { return nil }
