package caddymodule

import (
	"strings"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/darihook/darihook/internal/secretfile"
)

// longestPlaceholderFile is the longest file that a placeholder may stand for, as Caddy has it.
const longestPlaceholderFile = 1 << 20

// newReplacer returns what resolves the placeholders of a configuration while it is loaded. Unlike Caddy's own, it reads
// regular files only for {file.*}, and waits for none without end.
func newReplacer() *caddy.Replacer {
	repl := caddy.NewReplacer().WithoutFile()
	repl.Map(func(key string) (any, bool) {
		path, ok := strings.CutPrefix(key, filePlaceholder)
		if !ok {
			return nil, false
		}
		content, err := secretfile.ReadRegular(path, longestPlaceholderFile)
		if err != nil {
			caddy.Log().Named(appID).Error("reading the file of a placeholder", zap.String("path", path), zap.Error(err))
			return nil, true
		}
		return strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r"), true
	})
	return repl
}
