package contract

import (
	"strconv"
	"strings"
)

// UnknownProviderError is what a name that belongs to no provider is refused with.
type UnknownProviderError struct {
	Name string
	// Nearest is the known name with the fewest letters to change. Empty: none comes near.
	Nearest string
	// Known are all the names that there are.
	Known []string
}

// Error lists the known names, and the nearest one first.
func (e *UnknownProviderError) Error() string {
	return unknown("provider", e.Name, e.Nearest, e.Known)
}

// Unknown says of a name that it is none of those that are known, which of them it comes near to, and what they are. The kind
// is what such a name stands for, such as "event type".
func Unknown(kind, name string, known []string) string {
	return unknown(kind, name, Nearest(name, known), known)
}

func unknown(kind, name, nearest string, known []string) string {
	shown := name
	if len(name) > maxMisspelt { // it may come out of a request
		shown = name[:maxMisspelt] + "…"
	}
	text := "unknown " + kind + " " + strconv.Quote(shown)
	if nearest != "" {
		text += " (did you mean " + nearest + "?)"
	}
	if len(known) == 0 {
		return text + ": there is none"
	}
	return text + ": known are " + strings.Join(known, ", ")
}

// UnknownProvider returns the error of a name that belongs to none of the providers nor to one of the further names that
// are known where it was read.
func UnknownProvider(name string, further ...string) error {
	e := &UnknownProviderError{Name: name}
	for _, p := range Providers() {
		e.Known = append(e.Known, p.Name)
	}
	e.Known = append(e.Known, further...)
	e.Nearest = Nearest(name, e.Known)
	return e
}

// Nearest returns the one among known names that a misspelt name comes nearest to: the one with the fewest letters to
// change, and no more than a third of them. It is empty where none comes near.
func Nearest(name string, known []string) (best string) {
	least := max(2, len(name)/3) + 1
	for _, k := range known {
		if d := distance(strings.ToLower(name), k); d < least {
			best, least = k, d
		}
	}
	return best
}

// maxMisspelt is the longest name in bytes that is compared with the known ones.
const maxMisspelt = 64

// distance is how many bytes must be added, dropped or replaced to make a text another (Levenshtein).
func distance(a, b string) int {
	if len(a) > maxMisspelt {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
