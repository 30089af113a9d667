package process_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/darihook/darihook/internal/process"
)

// roleVariable makes this test program the parent or the child of a test.
const roleVariable = "DARIHOOK_TEST_ROLE"

func TestMain(m *testing.M) {
	switch role, argument, _ := strings.Cut(os.Getenv(roleVariable), " "); role {
	case "":
		os.Exit(m.Run())
	case "parent":
		beParent(argument)
	case "child":
		beChild(argument)
	}
}

// beParent starts a child with its own standard input and output, and stays until it is killed.
func beParent(named string) {
	if named != "" {
		named = strconv.Itoa(os.Getpid())
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"=child "+named)
	cmd.Stdin, cmd.Stdout = os.Stdin, os.Stdout
	_ = cmd.Run()
}

// beChild says that it runs, looks at its parent once it reads a line, and says what became of that.
func beChild(named string) {
	pid, _ := strconv.Atoi(named)
	in := bufio.NewReader(os.Stdin)
	fmt.Println("runs")
	_, _ = in.ReadString('\n')
	ctx, cancel, err := process.WithParent(context.Background(), pid)
	if errors.Is(err, process.ErrOrphan) {
		fmt.Println("orphan")
		return
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	defer cancel()
	fmt.Println("watches")
	<-ctx.Done()
	fmt.Println("gone")
}

// family is a parent whose child can be told to look, and heard.
type family struct {
	t      *testing.T
	parent *exec.Cmd
	tell   io.Writer
	hear   *bufio.Reader
}

func newFamily(t *testing.T, named string) *family {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"=parent "+named)
	in, tell, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	hear, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tell.Close(); hear.Close() })
	cmd.Stdin, cmd.Stdout = in, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	out.Close()
	f := &family{t: t, parent: cmd, tell: tell, hear: bufio.NewReader(hear)}
	f.want("runs")
	return f
}

func (f *family) want(line string) {
	f.t.Helper()
	got, err := f.hear.ReadString('\n')
	if err != nil || strings.TrimSpace(got) != line {
		f.t.Fatalf("the child said %q (%v), want %q", got, err, line)
	}
}

func (f *family) look() { _, _ = io.WriteString(f.tell, "look\n") }

func (f *family) killParent() {
	_ = f.parent.Process.Kill()
	_ = f.parent.Wait()
}

func TestWithParentEndsWithIt(t *testing.T) {
	t.Parallel()
	for _, named := range []string{"", "named"} {
		f := newFamily(t, named)
		f.look()
		f.want("watches")
		f.killParent()
		f.want("gone")
	}
}

func TestWithParentThatIsGoneAlready(t *testing.T) {
	t.Parallel()
	f := newFamily(t, "named")
	f.killParent()
	f.look()
	f.want("orphan")
}
