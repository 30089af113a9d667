package redis_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/darihook/darihook/internal/dedup/redis"
	"github.com/darihook/darihook/internal/dedup/redis/redistest"
)

func TestWrongServersAreRefused(t *testing.T) {
	t.Parallel()
	single, cluster := redistest.New(t), redistest.NewCluster(t, 3)
	sentinel := redistest.NewSentinel(t, single, 0)
	replica := redistest.NewReplica(t, redistest.New(t))
	marked := redistest.New(t)
	marked.Must(t, "SET", "darihook:format", "2")
	protected := redistest.New(t, "--requirepass", "right")
	rows := []struct {
		name   string
		opts   redis.Options
		reason redis.Reason
		says   string
	}{
		{"fail/a cluster address that is none", redis.Options{Addresses: addresses(single), Cluster: true}, redis.WrongServer, "cluster"},
		{"fail/a cluster node as a single server", redis.Options{Addresses: addresses(cluster[0])}, redis.WrongServer, "set cluster"},
		{"fail/a Sentinel as a single server", redis.Options{Addresses: addresses(sentinel)}, redis.WrongServer, "Sentinel"},
		{"fail/a server as a Sentinel", redis.Options{Addresses: addresses(single), SentinelMaster: redistest.MasterSet}, redis.WrongServer, "SENTINEL"},
		{"fail/an unknown master set", redis.Options{Addresses: addresses(sentinel), SentinelMaster: "other"}, redis.WrongServer, "master"},
		{"fail/keys of another format", redis.Options{Addresses: addresses(marked)}, redis.WrongServer, `"2"`},
		{"fail/no such database", redis.Options{Addresses: addresses(single), Database: 99}, redis.WrongServer, "out of range"},
		{"fail/wrong password", redis.Options{Addresses: addresses(protected), Password: redis.NewSecret("hunter2")}, redis.Denied, "WRONGPASS"},
		{"fail/no password", redis.Options{Addresses: addresses(protected)}, redis.Denied, "NOAUTH"},
		{"fail/unknown user", redis.Options{Addresses: addresses(single), Username: "nobody", Password: redis.NewSecret("hunter2")}, redis.Denied, "WRONGPASS"},
		{"fail/too old", redis.Options{Addresses: []string{impostor(t, "redis_version:6.2.14\r\nredis_mode:standalone\r\nrole:master\r\n")}}, redis.WrongServer, "6.2.14 is too old"},
		{"fail/a Valkey Sentinel as a single server", redis.Options{Addresses: []string{impostor(t, valkey+"server_mode:sentinel\r\n")}}, redis.WrongServer, "Sentinel"},
		{"fail/a Valkey Cluster's node as a single server", redis.Options{Addresses: []string{impostor(t, valkey+"server_mode:cluster\r\n")}}, redis.WrongServer, "set cluster"},
		{"fail/no version", redis.Options{Addresses: []string{impostor(t, "role:master\r\n")}}, redis.WrongServer, "version"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			row.opts.Timeout = patient
			s, err := redis.Open(t.Context(), row.opts)
			if err == nil {
				s.Close()
				t.Fatal("opened")
			}
			wantReason(t, err, row.reason)
			if !strings.Contains(err.Error(), row.says) {
				t.Errorf("error %q does not say %q", err, row.says)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("error %q contains the password", err)
			}
		})
	}
	t.Run("fail/a replica", func(t *testing.T) {
		t.Parallel()
		s := open(t, redis.Options{Addresses: addresses(replica)}) // it may be promoted
		wantReason(t, deliver(t.Context(), s), redis.ReadOnly)
		replica.Must(t, "REPLICAOF", "NO", "ONE")
		wantRecovery(t, s)
	})
}

// valkey is how a Valkey begins to tell about itself; what it is it says in other words than Redis.
const valkey = "redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.0.1\r\nrole:master\r\n"

// impostor answers INFO with a text and everything else with OK.
func impostor(t *testing.T, info string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go pretend(conn, info)
		}
	}()
	return l.Addr().String()
}

func pretend(conn net.Conn, info string) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	for {
		var n int
		if _, err := fmt.Fscanf(r, "*%d\r\n", &n); err != nil {
			return
		}
		words := make([]string, n)
		for i := range words {
			var size int
			if _, err := fmt.Fscanf(r, "$%d\r\n%s\r\n", &size, &words[i]); err != nil {
				return
			}
		}
		switch strings.ToUpper(words[0]) {
		case "HELLO":
			fmt.Fprint(conn, "%1\r\n$5\r\nproto\r\n:3\r\n")
		case "INFO":
			fmt.Fprintf(conn, "$%d\r\n%s\r\n", len(info), info)
		default:
			fmt.Fprint(conn, "+OK\r\n")
		}
	}
}

func TestBadOptionsAreRefused(t *testing.T) {
	t.Parallel()
	one := []string{"127.0.0.1:6379"}
	rows := map[string]redis.Options{
		"fail/no address":                    {},
		"fail/several addresses of one":      {Addresses: []string{"a:1", "b:1"}},
		"fail/cluster and Sentinels":         {Addresses: one, Cluster: true, SentinelMaster: "m"},
		"fail/database of a cluster":         {Addresses: one, Cluster: true, Database: 1},
		"fail/no port":                       {Addresses: []string{"localhost"}},
		"fail/URL":                           {Addresses: []string{"redis://user:hunter2@localhost:6379"}},
		"fail/user without password":         {Addresses: one, Username: "u"},
		"fail/credentials without Sentinels": {Addresses: one, SentinelPassword: redis.NewSecret("p")},
		"fail/negative timeout":              {Addresses: one, Timeout: -1},
		"fail/tiny timeout":                  {Addresses: one, Timeout: 1},
		"fail/negative replicas":             {Addresses: one, Replicas: -1},
		"fail/negative database":             {Addresses: one, Database: -1},
	}
	for name, opts := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := redis.Open(t.Context(), opts)
			if err == nil {
				s.Close()
				t.Fatal("opened")
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("error %q contains the password", err)
			}
		})
	}
}

func TestSecretsPrintRedacted(t *testing.T) {
	t.Parallel()
	opts := redis.Options{Password: redis.NewSecret("hunter2"), SentinelPassword: redis.NewSecret("hunter2")}
	dump, err := json.Marshal(opts.Password)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		string(dump), fmt.Sprintf("%v %+v %#v %s %q %x", opts, opts, opts, opts.Password, opts.Password, opts.Password),
	} {
		if strings.Contains(text, "hunter2") || strings.Contains(text, "68756e746572") || !strings.Contains(text, "[redacted]") {
			t.Errorf("printed: %s", text)
		}
	}
}

// manual is the operators' page.
const manual = "../../../docs/redis.md"

// TestDocumentedUsers gives the servers users by the rules of the page, word for word, and nothing else.
func TestDocumentedUsers(t *testing.T) {
	t.Parallel()
	primary := redistest.New(t)
	redistest.NewReplica(t, primary)
	sentinel := redistest.NewSentinel(t, primary, 1)
	server, sentinels := redistest.DocumentedUsers(t, manual, "hunter2")
	sentinel.Must(t, sentinels...)
	nodes := redistest.NewCluster(t, 3)
	for _, node := range append(nodes, primary) {
		node.Must(t, server...)
	}
	for name, opts := range map[string]redis.Options{
		"single":     {Addresses: addresses(primary)},
		"database":   {Addresses: addresses(primary), Database: 1},
		"replicated": {Addresses: addresses(primary), Replicas: 1, ReplicaTimeout: patient},
		"cluster":    {Addresses: addresses(nodes...), Cluster: true},
		"sentinel": {
			Addresses: addresses(sentinel), SentinelMaster: redistest.MasterSet,
			SentinelUsername: "gate", SentinelPassword: redis.NewSecret("hunter2"), Database: 2,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts.Username, opts.Password = "gate", redis.NewSecret("hunter2")
			s := open(t, opts)
			if _, err := s.Check(t.Context()); err != nil {
				t.Error(err)
			}
			mustDeliver(t, s)
			if records, err := s.Recent(t.Context(), "test", 10); err != nil || len(records) == 0 {
				t.Errorf("recent: %d records, %v", len(records), err)
			}
		})
	}
}

func TestUserThatMayNotDoEnough(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	server.Must(t, "ACL", "SETUSER", "gate", "on", ">hunter2", "~other:*", "+@all")
	server.Must(t, "ACL", "SETUSER", "reader", "on", ">hunter2", "~darihook:*", "+@all", "-pexpire")
	_, err := redis.Open(t.Context(), redis.Options{Addresses: addresses(server), Username: "gate", Password: redis.NewSecret("hunter2"), Timeout: patient})
	wantReason(t, err, redis.Denied)
	s := open(t, redis.Options{Addresses: addresses(server), Username: "reader", Password: redis.NewSecret("hunter2")})
	_, err = s.Check(t.Context())
	wantReason(t, err, redis.Denied)
}

func TestCheckTellsTheServerAndItsRisks(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	s := open(t, redis.Options{Addresses: addresses(server)})
	server.Must(t, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
	got, err := s.Check(t.Context())
	if err != nil || got.Mode != "standalone" || got.Role != "master" || got.Version == "" || len(got.Warnings()) != 2 {
		t.Errorf("check = %+v, %v, want a primary with two warnings: %v", got, err, got.Warnings())
	}
	server.Must(t, "CONFIG", "SET", "maxmemory-policy", "noeviction")
	server.Must(t, "CONFIG", "SET", "appendonly", "yes")
	if got, err = s.Check(t.Context()); err != nil || len(got.Warnings()) != 0 {
		t.Errorf("check = %+v, %v, want no warnings: %v", got, err, got.Warnings())
	}
	if n := server.Must(t, "DBSIZE"); n != "1" { // the mark of the format
		t.Errorf("%s keys left by checks, want 1", n)
	}
}
