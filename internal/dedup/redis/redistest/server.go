// Package redistest starts real Redis servers for tests, on free loopback ports and in directories of their own, and
// does to them what happens to servers: kill, pause, restart, failover. It needs a redis-server (or valkey-server)
// program, which the environment may name (see [Program]); a test without one is skipped, and fails where the environment
// has CI=true.
package redistest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/darihook/darihook/internal/process"
)

const (
	startTries   = 5 // each on another port
	startTimeout = 10 * time.Second
	pollInterval = 5 * time.Millisecond
)

// ProgramVariable is the environment variable that names the server program to use.
const ProgramVariable = "DARIHOOK_REDIS_SERVER"

// Program returns the path of the server program: the one that the environment variable names, or else redis-server or
// valkey-server from the path.
func Program() (string, error) {
	if named := os.Getenv(ProgramVariable); named != "" {
		return exec.LookPath(named)
	}
	for _, name := range []string{"redis-server", "valkey-server"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("neither redis-server nor valkey-server is installed")
}

// Server is one server process.
type Server struct {
	// Addr is where it listens, as host:port.
	Addr string
	dir  string
	args []string
	proc *exec.Cmd
	done chan struct{} // closed when the process has ended
}

// New starts a server that the test's cleanup kills. The arguments are settings as on the command line, such as
// "--appendonly", "yes".
func New(tb testing.TB, args ...string) *Server {
	tb.Helper()
	s, err := Start(tb.TempDir(), args...)
	return started(tb, s, err)
}

func started(tb testing.TB, s *Server, err error) *Server {
	tb.Helper()
	if err != nil {
		need(tb)
		tb.Fatal(err)
	}
	tb.Cleanup(s.Kill)
	return s
}

// need skips a test for want of the program.
func need(tb testing.TB) {
	tb.Helper()
	_, err := Program()
	switch {
	case err != nil && os.Getenv("CI") == "true":
		tb.Fatal(err)
	case err != nil:
		tb.Skip(err)
	}
}

// Start starts a server in a directory and returns when it answers.
func Start(dir string, args ...string) (*Server, error) {
	var err error
	for range startTries {
		var ports []int
		if ports, err = FreePorts(2); err != nil {
			return nil, err
		}
		s := &Server{Addr: fmt.Sprintf("127.0.0.1:%d", ports[0]), dir: dir, args: settings(ports, args)}
		if err = s.run(); err == nil {
			return s, nil
		}
	}
	return nil, err
}

// settings keeps tests off the disk unless they ask for it.
func settings(ports []int, args []string) []string {
	all := []string{"--port", strconv.Itoa(ports[0]), "--bind", "127.0.0.1", "--save", "", "--daemonize", "no"}
	for i, arg := range args {
		if arg == "--cluster-enabled" && args[i+1] == "yes" {
			all = append(all, "--cluster-port", strconv.Itoa(ports[1])) // the default is out of range for high ports
		}
	}
	return append(all, args...)
}

// run starts the process and waits until it answers.
func (s *Server) run() error {
	if err := s.launch(); err != nil {
		return err
	}
	deadline := time.Now().Add(startTimeout)
	for time.Now().Before(deadline) {
		select {
		case <-s.done:
			return fmt.Errorf("redis-server ended: %s", s.log())
		case <-time.After(pollInterval):
		}
		if s.answers() {
			return nil
		}
	}
	s.Kill()
	return fmt.Errorf("redis-server does not answer: %s", s.log())
}

func (s *Server) launch() error {
	program, err := Program()
	if err != nil {
		return err
	}
	args := append([]string{}, s.args...)
	if len(args) > 0 && args[0] == sentinelMode {
		args = []string{filepath.Join(s.dir, "sentinel.conf"), "--sentinel"}
	}
	s.proc = exec.CommandContext(context.Background(), program, args...) // until Kill
	s.proc.Dir = s.dir
	out, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	s.proc.Stdout, s.proc.Stderr = out, out
	if err := s.proc.Start(); err != nil {
		return fmt.Errorf("starting redis-server: %w", err)
	}
	proc, done := s.proc, make(chan struct{})
	s.done = done
	go func() {
		_ = proc.Wait() // its outcome is a kill, or in the log
		close(done)
	}()
	return nil
}

// answers reports whether the server speaks; that it refuses the user, or loads, is an answer.
func (s *Server) answers() bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", s.Addr)
	if err != nil {
		return false
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	defer conn.Close()
	fmt.Fprint(conn, "PING\r\n")
	n, _ := conn.Read(make([]byte, 1))
	return n == 1
}

func (s *Server) log() string {
	text, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], " / ")
}

// Kill ends the process at once, as a crash does, and waits for its end. A server that is down stays down.
func (s *Server) Kill() {
	s.signal((*os.Process).Kill)
	<-s.done
}

// Restart starts a killed server again, at the same address and with the same directory, and waits until it answers.
// Settings given here are added to those of the start.
func (s *Server) Restart(args ...string) error {
	s.args = append(s.args, args...)
	return s.run()
}

// Pause stops the process: its connections stay and nothing answers.
func (s *Server) Pause() { s.signal(process.Suspend) }

// Resume lets a paused process go on.
func (s *Server) Resume() { s.signal(process.Resume) }

func (s *Server) signal(send func(*os.Process) error) {
	select {
	case <-s.done:
	default:
		_ = send(s.proc.Process) // it may end this moment
	}
}

// Do sends one command on a connection of its own, as the default user, and returns the answer as text.
func (s *Server) Do(ctx context.Context, command ...string) (string, error) {
	c, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{s.Addr}, ForceSingleClient: true, DisableCache: true, DisableRetry: true, RingScaleEachConn: 4,
		ReadBufferEachConn: 4096, WriteBufferEachConn: 4096, PipelineMultiplex: -1,
	})
	if err != nil {
		return "", err
	}
	defer c.Close()
	m, err := c.Do(ctx, c.B().Arbitrary(command...).Build()).ToMessage()
	if err != nil {
		return "", fmt.Errorf("%s: %w", command[0], err)
	}
	if text, err := m.ToString(); err == nil {
		return text, nil
	}
	if n, err := m.AsInt64(); err == nil {
		return strconv.FormatInt(n, 10), nil
	}
	return m.String(), nil
}

// Must is Do for tests: an error ends the test.
func (s *Server) Must(tb testing.TB, command ...string) string {
	tb.Helper()
	text, err := s.Do(context.Background(), command...)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}
