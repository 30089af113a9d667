package capture

import (
	"fmt"
	"net/http"
	"os"
	"strings"
)

// curlFlags are the options of curl that stand alone and do not change what is signed.
var curlFlags = map[string]bool{
	"-s": true, "--silent": true, "-S": true, "--show-error": true, "-v": true, "--verbose": true, "-i": true, "--include": true,
	"-k": true, "--insecure": true, "-L": true, "--location": true, "--compressed": true, "-f": true, "--fail": true,
	"-sS": true, "-g": true, "--globoff": true, "--http1.1": true, "--http2": true, "--http3": true, "-#": true,
}

// curlIgnored are the options with a value that do not change what is signed.
var curlIgnored = map[string]bool{
	"-o": true, "--output": true, "-m": true, "--max-time": true, "--connect-timeout": true, "-w": true, "--write-out": true,
	"--resolve": true, "--connect-to": true, "--cacert": true, "--retry": true, "-x": true, "--proxy": true, "--unix-socket": true,
}

// curlCommand collects what the command says.
type curlCommand struct {
	request Request
	method  string
	data    []string
}

// parseCurl reads a curl command as a POSIX shell would split it. A command that leaves parts of the request to
// variables or other commands is refused, since what they stand for is not known here.
func parseCurl(text string) (Request, error) {
	words, err := split(strings.TrimPrefix(text, "$ "))
	if err != nil {
		return Request{}, fmt.Errorf("reading the curl command: %w", err)
	}
	if len(words) == 0 || words[0] != "curl" && words[0] != "curl.exe" {
		return Request{}, ErrForm
	}
	c := curlCommand{request: Request{Header: http.Header{}}}
	for words = words[1:]; len(words) > 0; {
		if words, err = c.take(words); err != nil {
			return Request{}, fmt.Errorf("reading the curl command: %w", err)
		}
	}
	return c.finish(), nil
}

// take reads one option with its value, or the URL, and returns what follows.
func (c *curlCommand) take(words []string) ([]string, error) {
	option, rest := words[0], words[1:]
	if !strings.HasPrefix(option, "-") || option == "-" {
		c.request.Target = option
		return rest, nil
	}
	if curlFlags[option] {
		return rest, nil
	}
	value, rest, err := optionValue(option, rest)
	if err != nil {
		return nil, err
	}
	if name, _, ok := strings.Cut(option, "="); ok && strings.HasPrefix(option, "--") {
		option = name
	} else if len(option) > 2 && option[1] != '-' {
		option = option[:2]
	}
	return rest, c.apply(option, value)
}

// optionValue returns the value of an option: what stands behind it, or what is joined to it.
func optionValue(option string, rest []string) (string, []string, error) {
	if _, value, ok := strings.Cut(option, "="); ok && strings.HasPrefix(option, "--") {
		return value, rest, nil
	}
	if len(option) > 2 && option[1] != '-' {
		return option[2:], rest, nil
	}
	if len(rest) == 0 {
		return "", nil, fmt.Errorf("option %s has no value", option)
	}
	return rest[0], rest[1:], nil
}

// apply carries out one option.
func (c *curlCommand) apply(option, value string) error {
	switch option {
	case "-X", "--request":
		c.method = value
	case "--url":
		c.request.Target = value
	case "-H", "--header":
		return c.header(value)
	case "-A", "--user-agent":
		c.request.Header.Set("User-Agent", value)
	case "-d", "--data", "--data-ascii":
		return c.body(value, true)
	case "--data-binary", "--json":
		return c.body(value, false)
	case "--data-raw":
		c.data = append(c.data, value)
	default:
		if !curlIgnored[option] {
			return fmt.Errorf("option %s is not known here; leave it out if it does not change the body or the headers", option)
		}
	}
	return nil
}

// header adds a field.
func (c *curlCommand) header(line string) error {
	name, value, ok := strings.Cut(line, ":")
	if !ok {
		return fmt.Errorf("header %q has no colon", line)
	}
	c.request.Header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	return nil
}

// body adds data. A value that begins with @ names a file, from which --data, but not --data-binary, drops the ends of
// lines, as curl does.
func (c *curlCommand) body(value string, text bool) error {
	path, isFile := strings.CutPrefix(value, "@")
	if !isFile {
		c.data = append(c.data, value)
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("reading the data file: %w", err)
	}
	if info.Size() > MaxSize {
		return ErrTooLarge
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading the data file: %w", err)
	}
	if text {
		data = []byte(strings.NewReplacer("\r", "", "\n", "", "\x00", "").Replace(string(data)))
	}
	c.data = append(c.data, string(data))
	return nil
}

// finish puts the request together.
func (c *curlCommand) finish() Request {
	r := c.request
	r.Body = []byte(strings.Join(c.data, "&"))
	r.Method = c.method
	if r.Method == "" {
		r.Method = http.MethodGet
		if len(c.data) > 0 {
			r.Method = http.MethodPost
		}
	}
	return r
}
