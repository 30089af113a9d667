package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"github.com/darihook/darihook/contract"
)

// environmentPrefix is what the variables of the conformance flags begin with.
const environmentPrefix = "DARIHOOK_CONFORMANCE_"

// layer fills in the flags that were not given on the command line: from the environment, and then from the file.
func layer(fs *pflag.FlagSet, f *conformanceFlags) error {
	given := map[string]bool{}
	fs.Visit(func(flag *pflag.Flag) { given[flag.Name] = true })
	if err := checkEnvironment(); err != nil {
		return err
	}
	if err := fromEnvironment(fs, given); err != nil || f.file == "" {
		return err
	}
	return fromFile(fs, given, f.file)
}

// variableOf is the name of a flag's variable.
func variableOf(flag string) string {
	return environmentPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// checkEnvironment refuses a variable that is no role's: the setting that it was meant for would be missing without a word.
// One of another role is left alone, since a job may judge several. Nothing is said of its value.
func checkEnvironment() error {
	flags := allFlags()
	known := make(map[string]bool, len(flags))
	for _, flag := range flags {
		known[variableOf(flag)] = true
	}
	for _, setting := range os.Environ() {
		name, value, _ := strings.Cut(setting, "=")
		rest, ours := strings.CutPrefix(name, environmentPrefix)
		if ours && value != "" && !known[name] {
			flag := strings.ToLower(strings.ReplaceAll(rest, "_", "-"))
			return fmt.Errorf("the variable %s sets nothing: %s", name, contract.Unknown("flag", flag, flags))
		}
	}
	return nil
}

// allFlags lists the flags of all roles.
func allFlags() []string {
	var all []string
	for _, add := range []func(*pflag.FlagSet, *conformanceFlags){receiverFlags, gateFlags, senderFlags, configFlags, commonFlags} {
		fs := pflag.NewFlagSet("", pflag.ContinueOnError)
		add(fs, &conformanceFlags{})
		all = append(all, flagNames(fs)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// fromEnvironment sets every flag that has a variable. An empty variable counts as none.
func fromEnvironment(fs *pflag.FlagSet, given map[string]bool) error {
	var wrong error
	fs.VisitAll(func(flag *pflag.Flag) {
		name := variableOf(flag.Name)
		value := os.Getenv(name)
		if value == "" || given[flag.Name] || wrong != nil {
			return
		}
		given[flag.Name] = true
		if err := flag.Value.Set(value); err != nil {
			wrong = fmt.Errorf("reading the variable %s: it does not fit --%s", name, flag.Name)
		}
	})
	return wrong
}

// fromFile sets every flag that the file names. Names that are no flags of the role are refused.
func fromFile(fs *pflag.FlagSet, given map[string]bool, path string) error {
	values, err := readLayer(path)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		flag := fs.Lookup(name)
		if flag == nil || notInFile(name) {
			return fmt.Errorf("%s: %s", path, contract.Unknown("flag", name, slices.DeleteFunc(flagNames(fs), notInFile)))
		}
		if given[name] {
			continue
		}
		for _, value := range values[name] {
			if err := flag.Value.Set(value); err != nil {
				return fmt.Errorf("%s: the value of %q does not fit", path, name)
			}
		}
	}
	return nil
}

// notInFile reports a flag that has no meaning in a file.
func notInFile(name string) bool { return name == "config" || name == "help" }

// flagNames lists the names of flags.
func flagNames(fs *pflag.FlagSet) (names []string) {
	fs.VisitAll(func(flag *pflag.Flag) { names = append(names, flag.Name) })
	return names
}

// readLayer reads a file of names and values, where a value is a scalar or a list of them.
func readLayer(path string) (map[string][]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	var nodes map[string]yaml.Node
	if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&nodes); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading the configuration %s: it is not a YAML mapping", path)
	}
	values := map[string][]string{}
	for name, node := range nodes {
		if values[name], err = scalars(node); err != nil {
			return nil, fmt.Errorf("%s: the value of %q is neither a scalar nor a list of scalars", path, name)
		}
	}
	return values, nil
}

// scalars are the values of a YAML scalar or list.
func scalars(node yaml.Node) ([]string, error) {
	if node.Kind == yaml.ScalarNode {
		return []string{node.Value}, nil
	}
	var list []string
	return list, node.Decode(&list)
}
