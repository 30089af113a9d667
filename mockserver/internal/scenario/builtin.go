package scenario

import (
	"embed"
	"fmt"
	"strings"
)

// Default is the name of the scenario that agents run when they name none.
const Default = "tool_call"

//go:embed builtin/*.yaml
var builtin embed.FS

// Builtin returns the built-in scenarios by name.
func Builtin() map[string]*Scenario {
	files, err := builtin.ReadDir("builtin")
	if err != nil {
		panic(err) // embedded: it is there or the program does not build
	}
	all := make(map[string]*Scenario, len(files))
	for _, file := range files {
		text, err := builtin.ReadFile("builtin/" + file.Name())
		if err != nil {
			panic(err)
		}
		s, err := Parse(text)
		if err != nil || s.Name != strings.TrimSuffix(file.Name(), ".yaml") {
			panic(fmt.Sprintf("built-in scenario %s: %v", file.Name(), err)) // a test parses each of them
		}
		all[s.Name] = s
	}
	return all
}
