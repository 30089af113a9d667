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
	text := "unknown provider " + strconv.Quote(e.Name)
	if e.Nearest != "" {
		text += " (did you mean " + e.Nearest + "?)"
	}
	return text + ": known are " + strings.Join(e.Known, ", ")
}

// UnknownProvider returns the error of a name that belongs to none of the providers nor to one of the further names that
// are known where it was read.
func UnknownProvider(name string, further ...string) error {
	e := &UnknownProviderError{Name: name}
	for _, p := range Providers() {
		e.Known = append(e.Known, p.Name)
	}
	e.Known = append(e.Known, further...)
	nearest := max(2, len(name)/3) + 1
	for _, known := range e.Known {
		if d := distance(strings.ToLower(name), known); d < nearest {
			e.Nearest, nearest = known, d
		}
	}
	return e
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
