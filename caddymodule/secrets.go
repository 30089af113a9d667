package caddymodule

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/secretfile"
	"github.com/darihook/darihook/signature"
)

// secretSource is where a handler's secrets come from: its configuration, and a file that is watched.
type secretSource struct {
	fixed    []signature.Secret
	literals []int    // places of those that the configuration's dump shows
	open     []string // paths of files with one of them that everyone may read
	file     *secretFile
	logger   *zap.Logger
}

// newSecretSource resolves the configured secrets and reads the file. Errors: none of them, one that cannot be resolved or
// used, or an unusable file. No error holds a secret.
func newSecretSource(configured []string, path string, logger *zap.Logger) (*secretSource, error) {
	s := &secretSource{logger: logger}
	for i, text := range configured {
		secret, literal, err := resolveSecret(text, s.note)
		if err != nil {
			return nil, fmt.Errorf("secret %d: %w", i+1, err)
		}
		if literal {
			s.literals = append(s.literals, i+1)
		}
		s.fixed = append(s.fixed, secret)
	}
	if path != "" {
		var err error
		if s.file, err = openSecretFile(path); err != nil {
			return nil, err
		}
	}
	if len(s.fixed) == 0 && s.file == nil {
		return nil, errors.New("no secret: set secret or secret_file")
	}
	return s, nil
}

// The placeholders that a secret may be.
const (
	envPlaceholder  = "env."
	filePlaceholder = "file."
)

var errPlaceholder = errors.New("a placeholder other than {env.*} and {file.*}")

// note remembers a file with a secret that everyone may read.
func (s *secretSource) note(path string) {
	if secretfile.OpenToAll(path) {
		s.open = append(s.open, path)
	}
}

// resolveSecret returns the secret of a configured text, and whether the text is the secret itself. Braces that hold neither
// of the two placeholders belong to the secret, and nothing in them is put into an error. read is told the files.
func resolveSecret(text string, read func(path string)) (secret signature.Secret, literal bool, err error) {
	if text, literal, err = resolvePlaceholder(text, read); err != nil {
		return signature.Secret{}, false, err
	}
	secret, err = signature.NewSecret(text)
	return secret, literal, err
}

// resolvePlaceholder returns the text that a secret or a password stands for, and tells read the files.
func resolvePlaceholder(text string, read func(path string)) (resolved string, literal bool, err error) {
	if !strings.Contains(text, "{"+envPlaceholder) && !strings.Contains(text, "{"+filePlaceholder) {
		if strings.HasPrefix(text, "{") && strings.HasSuffix(text, "}") {
			return "", false, errPlaceholder
		}
		return text, true, nil
	}
	resolved, err = newReplacer().ReplaceFunc(text, func(name string, value any) (any, error) {
		if !strings.HasPrefix(name, envPlaceholder) && !strings.HasPrefix(name, filePlaceholder) {
			return "{" + name + "}", nil
		}
		if strings.TrimSpace(caddy.ToString(value)) == "" {
			return nil, fmt.Errorf("placeholder {%s} is unknown or empty", name)
		}
		if path, ok := strings.CutPrefix(name, filePlaceholder); ok {
			read(path)
		}
		return value, nil
	})
	return resolved, false, err
}

// current returns all secrets: the configured ones, then the file's.
func (s *secretSource) current() []signature.Secret {
	if s.file == nil {
		return s.fixed
	}
	return slices.Concat(s.fixed, s.file.secrets)
}

// expected returns until when the file announces other secrets; zero without such an announcement.
func (s *secretSource) expected() time.Time {
	if s.file == nil {
		return time.Time{}
	}
	return s.file.expects
}

// warn tells the operator of secrets that are too short, are probably not meant so, or can be read in the configuration's dump
// or by everyone.
func (s *secretSource) warn() {
	for _, place := range s.literals {
		s.logger.Warn("a secret is written in the configuration, whose dump shows it: use {env.NAME}, {file./path} or secret_file instead",
			zap.Int("secret", place))
	}
	for _, path := range s.open {
		warnOpen(s.logger, path)
	}
	if s.file != nil && s.file.open {
		warnOpen(s.logger, s.file.path)
	}
	warnSecrets(s.logger, s.current())
}

// openToAll is the line on a file that everyone may read.
const openToAll = "a file with a secret can be read by everyone on this machine: take the right away, as with chmod o-r"

func warnOpen(logger *zap.Logger, path string) { logger.Warn(openToAll, zap.String("path", path)) }

func warnSecrets(logger *zap.Logger, secrets []signature.Secret) {
	for i, secret := range secrets {
		if secret.Short() {
			logger.Warn("a secret is so short that it can be guessed",
				zap.Int("secret", i+1), zap.Int("min_bytes", contract.MinSecretLength))
		}
		if doubt := secret.Doubt(); doubt != "" {
			logger.Warn("a secret was probably copied with something else, and no signature will match: remove what is not part of it",
				zap.Int("secret", i+1), zap.String("looks_as_if", string(doubt)))
		}
	}
}

// watch passes on all secrets whenever the file has changed, and then tells whether they are in use, until stop is called.
// What cannot be read, and what take refuses, stays unused.
func (s *secretSource) watch(take func(all []signature.Secret, expected time.Time) error, read func(error)) {
	if s.file == nil {
		return
	}
	s.file.watch(func(fromFile []signature.Secret, err error) {
		if err == nil {
			err = take(slices.Concat(s.fixed, fromFile), s.file.expects)
		}
		read(err)
		if err != nil {
			s.logger.Error("reloading secret file failed; keeping current secrets", zap.String("path", s.file.path), zap.Error(err))
			return
		}
		warnSecrets(s.logger, fromFile)
		if s.file.open {
			warnOpen(s.logger, s.file.path)
		}
		s.logger.Info("secrets reloaded", zap.String("path", s.file.path), zap.Int("from_file", len(fromFile)))
	})
}

// stop ends the watch. It may be called on a source that was never made.
func (s *secretSource) stop() {
	if s != nil && s.file != nil {
		s.file.stop()
	}
}
