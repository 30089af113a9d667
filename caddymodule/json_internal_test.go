package caddymodule

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// TestEveryJSONFieldIsDocumented wants a comment of its own for every field of every module, since Caddy's website and its
// users' editors show them one by one.
func TestEveryJSONFieldIsDocumented(t *testing.T) {
	t.Parallel()
	own := reflect.TypeFor[Handler]().PkgPath()
	types := make(map[string]reflect.Type)
	var visit func(reflect.Type)
	visit = func(of reflect.Type) {
		for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
			of = of.Elem()
		}
		if of.Kind() != reflect.Struct || of.PkgPath() != own || types[of.Name()] != nil {
			return
		}
		types[of.Name()] = of
		for field := range of.Fields() {
			if field.Tag.Get("json") != "" {
				visit(field.Type)
			}
		}
	}
	for _, module := range caddy.Modules() {
		info, err := caddy.GetModule(module)
		if err != nil {
			t.Fatal(err)
		}
		visit(reflect.TypeOf(info.New()))
	}
	documented := jsonFields(t)
	fields := 0
	for name, of := range types {
		for field := range of.Fields() {
			if field.Tag.Get("json") == "" || field.Tag.Get("json") == "-" {
				continue
			}
			fields++
			if !documented[name+"."+field.Name] {
				t.Errorf("%s.%s has no comment of its own", name, field.Name)
			}
		}
	}
	if len(types) < 8 || fields < 40 {
		t.Errorf("%d types with %d fields: not all were found", len(types), fields)
	}
}

// jsonFields parses the package and returns the fields that have a comment which no other field shares.
func jsonFields(t *testing.T) map[string]bool {
	t.Helper()
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]bool)
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file.Name(), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(node ast.Node) bool {
			spec, ok := node.(*ast.TypeSpec)
			if !ok {
				return true
			}
			of, ok := spec.Type.(*ast.StructType)
			if !ok {
				return true
			}
			for _, field := range of.Fields.List {
				if field.Doc != nil && len(field.Names) == 1 {
					found[spec.Name.Name+"."+field.Names[0].Name] = true
				}
			}
			return true
		})
	}
	return found
}
