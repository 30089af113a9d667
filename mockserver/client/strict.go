package client

import (
	"bytes"
	"encoding/json"
)

// unmarshalStrict refuses names that the type does not have.
func unmarshalStrict(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	return d.Decode(into)
}
