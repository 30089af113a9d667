// Package rotation replaces a signing secret in a gate's secret file so that no delivery is refused meanwhile.
//
// A platform signs with the new secret from the moment that it hands it out, and deliveries that it had signed before are
// still on their way. So the file first announces the change, upon which the gate holds what does not match; then it holds
// both secrets; and once nothing signed with the old one can arrive any more, the new one alone.
package rotation

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/darihook/darihook/internal/secretfile"
	"github.com/darihook/darihook/signature"
)

// The defaults of Options.
const (
	// DefaultOverlap is how long both secrets are kept: longer than any platform's attempt is under way.
	DefaultOverlap = time.Minute
	// expectation is how long the change may take that the file announces: the platform's answer and twice the gate's
	// reading.
	expectation = 45 * time.Second
	// callTime bounds the platform's answer.
	callTime = 15 * time.Second
)

// The reasons for which a rotation does not begin.
var (
	ErrNoSecret  = errors.New("the file holds no secret")
	ErrWhich     = errors.New("the file holds several secrets: say which of them is replaced")
	ErrNoSuch    = errors.New("the file does not hold so many secrets")
	ErrFull      = fmt.Errorf("the file holds %d secrets already, which is the most", signature.MaxSecrets)
	ErrNewSecret = errors.New("the platform answered with an unusable secret")
)

// Options say what is rotated and how.
type Options struct {
	// Path of the secret file.
	Path string
	// Old is the place of the secret that is replaced among those of the file, from 1. Default: the only one.
	Old int
	// Overlap is how long both secrets are kept. Zero: the old one is dropped as soon as the gate has the new one.
	Overlap time.Duration
	// Watch begins to watch the gate before the file changes; the function that it returns waits until the gate has read the
	// change.
	Watch func(context.Context) (taken func(context.Context) error, err error)
	// Rotate has the platform make a new secret, and returns it.
	Rotate func(context.Context) (secret string, err error)
	// Tell is told each step that has been taken.
	Tell func(step string)
}

// Run rotates the secret. After an error the file still holds every secret that may be in use: the error says what remains to
// be done.
func Run(ctx context.Context, o Options) error {
	f, err := secretfile.Read(o.Path)
	if err != nil {
		return fmt.Errorf("reading the secret file: %w", err)
	}
	secrets, err := f.Secrets()
	if errors.Is(err, secretfile.ErrEmpty) {
		return ErrNoSecret
	}
	if err != nil {
		return fmt.Errorf("reading the secret file: %w", err)
	}
	old, err := o.choose(secrets)
	if err != nil {
		return err
	}
	if err := o.announce(ctx, f); err != nil {
		return err
	}
	secret, err := o.replace(ctx, f)
	if err != nil {
		return err
	}
	if err := o.add(ctx, secret); err != nil {
		return err
	}
	return o.drop(ctx, old)
}

// choose returns the secret that is replaced.
func (o Options) choose(secrets []signature.Secret) (old signature.Secret, err error) {
	switch {
	case len(secrets) >= signature.MaxSecrets:
		return old, ErrFull
	case o.Old == 0 && len(secrets) > 1:
		return old, ErrWhich
	case o.Old < 0 || o.Old > len(secrets):
		return old, ErrNoSuch
	}
	return secrets[max(o.Old, 1)-1], nil
}

// announce has the gate hold what does not match. That the file can be written is known from then on.
func (o Options) announce(ctx context.Context, f *secretfile.File) error {
	f.Announce(time.Now().Add(expectation))
	if err := o.publish(ctx, f); err != nil {
		f.Retract()
		return fmt.Errorf("nothing has been rotated: %w", errors.Join(err, f.Write()))
	}
	o.Tell("the gate expects a new secret")
	return nil
}

// publish writes the file and waits until the gate has read it.
func (o Options) publish(ctx context.Context, f *secretfile.File) error {
	taken, err := o.Watch(ctx)
	if err != nil {
		return fmt.Errorf("watching the gate: %w", err)
	}
	if err := f.Write(); err != nil {
		return fmt.Errorf("writing the secret file: %w", err)
	}
	if err := taken(ctx); err != nil {
		return fmt.Errorf("waiting for the gate: %w", err)
	}
	return nil
}

// replace has the platform make the new secret.
func (o Options) replace(ctx context.Context, f *secretfile.File) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	secret, err := o.Rotate(ctx)
	if err == nil {
		if _, bad := signature.NewSecret(secret); bad != nil || strings.HasPrefix(secret, "#") { // it would be a comment
			err = ErrNewSecret
		}
	}
	if err != nil {
		f.Retract()
		return "", fmt.Errorf("rotating: %w", errors.Join(err, f.Write()))
	}
	return secret, nil
}

// add puts the new secret beside the old one. It is shown once, so that from here on it must not get lost, whatever fails
// and whoever loses patience.
func (o Options) add(ctx context.Context, secret string) error {
	f, err := secretfile.Read(o.Path) // others may have changed it meanwhile
	if err != nil {
		return errors.Join(fmt.Errorf("reading the secret file: %w", err), rescue(o.Path, secret))
	}
	f.Retract()
	f.Add(secret)
	taken, watching := o.Watch(ctx)
	if err := f.Write(); err != nil {
		return errors.Join(fmt.Errorf("writing the secret file: %w", err), rescue(o.Path, secret))
	}
	o.Tell("the secret file holds the new secret beside the old one")
	if watching == nil {
		watching = taken(ctx)
	}
	if watching != nil {
		return fmt.Errorf("waiting for the gate; the file holds both secrets: %w", watching)
	}
	o.Tell("the gate has the new secret")
	return nil
}

// rescue keeps a secret that could not be written where it belongs.
func rescue(path, secret string) error {
	for _, dir := range []string{filepath.Dir(path), os.TempDir()} {
		f, err := os.CreateTemp(dir, "rotated-secret-*")
		if err != nil {
			continue
		}
		_, err = f.WriteString(secret + "\n")
		if err := errors.Join(err, f.Close()); err == nil {
			return fmt.Errorf("the new secret is in %s: put it into the secret file", f.Name())
		}
	}
	return errors.New("the new secret is lost: rotate again")
}

// drop takes the old secret out when the overlap has passed.
func (o Options) drop(ctx context.Context, old signature.Secret) error {
	select {
	case <-ctx.Done():
		return fmt.Errorf("waiting for the overlap; the file still holds the old secret: %w", ctx.Err())
	case <-time.After(o.Overlap):
	}
	f, err := secretfile.Read(o.Path) // others may have changed it meanwhile
	if err != nil {
		return fmt.Errorf("dropping the old secret: %w", err)
	}
	if !f.Drop(old) {
		return nil
	}
	if err := f.Write(); err != nil {
		return fmt.Errorf("dropping the old secret: %w", err)
	}
	o.Tell("the secret file holds the new secret alone")
	return nil
}
