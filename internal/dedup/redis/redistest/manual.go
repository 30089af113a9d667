package redistest

import (
	"os"
	"strings"
	"testing"
)

// DocumentedUsers returns the commands by which the operators' page gives the gate a user at a server, and at the Sentinels.
func DocumentedUsers(tb testing.TB, page, password string) (server, sentinel []string) {
	tb.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		tb.Fatal(err)
	}
	var users [][]string
	joined := strings.ReplaceAll(string(text), "\\\n", " ")
	for line := range strings.Lines(joined) {
		if strings.HasPrefix(line, "    ACL SETUSER gate ") {
			users = append(users, strings.Fields(strings.ReplaceAll(line, ">PASSWORD", ">"+password)))
		}
	}
	if len(users) != 2 {
		tb.Fatalf("%d users in %s, want one for servers and one for Sentinels", len(users), page)
	}
	return users[0], users[1]
}
