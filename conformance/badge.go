package conformance

import (
	"fmt"
	"io"
)

// badgeColors are the colours of the results, chosen so that white text on them can be read.
var badgeColors = map[Outcome]string{
	ResultConformant: "#1a7f37", ResultNonConformant: "#cf222e", ResultPartial: "#9a6700", ResultUndetermined: "#59636e",
}

// WriteBadge writes a badge that says the role and the result, as SVG.
func (r *Report) WriteBadge(w io.Writer) error {
	label := fmt.Sprintf("%s %s", r.Provider, r.Role)
	value := string(r.Result)
	const perLetter, padding = 7, 12
	left, right := len(label)*perLetter+padding, len(value)*perLetter+padding
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="20" role="img" aria-label="%s: %s">
  <title>%[2]s: %[3]s</title>
  <rect width="%[4]d" height="20" fill="#24292f"/>
  <rect x="%[4]d" width="%[5]d" height="20" fill="%[6]s"/>
  <g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">
    <text x="%[7]d" y="14">%[2]s</text>
    <text x="%[8]d" y="14">%[3]s</text>
  </g>
</svg>
`, left+right, escape(label), value, left, right, badgeColors[r.Result], left/2, left+right/2)
	return err
}
