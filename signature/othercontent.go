package signature

import (
	"fmt"
	"slices"

	"github.com/darihook/darihook/contract"
)

// OtherContents returns the schemes as they would be if they signed something else: the body alone, the timestamp and the
// body, or the id and both, as far as a scheme has a place for these and none of the given schemes for the same header
// signs just that already. They are for [Explain] to try, and are named for what they sign: "stripe signing {body}".
func OtherContents(schemes []contract.Scheme) []contract.Scheme {
	var others []contract.Scheme
	for _, s := range schemes {
		for _, content := range []contract.Content{
			contract.ContentBody, contract.ContentTimestampBody, contract.ContentIDTimestampBody,
		} {
			if signs(schemes, s, content) || signs(others, s, content) {
				continue
			}
			other := s
			other.Name, other.Content, other.UnsignedBody = fmt.Sprintf("%s signing %s", s.Name, content), content, false
			if CheckScheme(other) == nil {
				others = append(others, other)
			}
		}
	}
	return others
}

// signs reports whether one of the schemes is like another and signs a content.
func signs(schemes []contract.Scheme, like contract.Scheme, content contract.Content) bool {
	return slices.ContainsFunc(schemes, func(s contract.Scheme) bool {
		return s.Header == like.Header && s.Algorithm == like.Algorithm && s.Content == content
	})
}
