package redis_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/darihook/darihook/internal/dedup"
	"github.com/darihook/darihook/internal/dedup/redis"
	"github.com/darihook/darihook/internal/dedup/redis/redistest"
)

// TestFailover kills the primary that a Sentinel watches: the store finds the new one, and what WAIT had copied is
// there.
func TestFailover(t *testing.T) {
	t.Parallel()
	primary := redistest.New(t)
	redistest.NewReplica(t, primary)
	sentinel := redistest.NewSentinel(t, primary, 1)
	s := open(t, redis.Options{
		Addresses: addresses(sentinel), SentinelMaster: redistest.MasterSet, Timeout: redis.DefaultTimeout,
		Replicas: 1, ReplicaTimeout: 5 * time.Second,
	})
	owner := dedup.NewOwner()
	redistest.Eventually(t, 30*time.Second, func(ctx context.Context) error { // the way there leads over the Sentinel
		_, err := s.Claim(ctx, key("before"), owner, long)
		return err
	})
	if err := s.Commit(t.Context(), key("before"), owner, outcome, long); err != nil {
		t.Fatal(err)
	}
	primary.Kill()
	redistest.Eventually(t, 30*time.Second, func(ctx context.Context) error {
		_, err := s.Claim(ctx, key("after"), owner, long)
		return err
	})
	if record, err := s.Lookup(t.Context(), key("before")); err != nil || record.State != dedup.Done {
		t.Errorf("record after the failover = %+v, %v, want it done", record, err)
	}
}

// TestClusterSlotMoves moves a delivery's slot to another node between claim and commit.
func TestClusterSlotMoves(t *testing.T) {
	t.Parallel()
	for replicas, want := range []error{nil, dedup.ErrTooFewCopies} {
		t.Run(strconv.Itoa(replicas), func(t *testing.T) {
			t.Parallel()
			slotMoves(t, replicas, want)
		})
	}
}

// slotMoves wants a commit to follow its slot, and to answer as if it had been there always: the nodes have no replicas.
func slotMoves(t *testing.T, replicas int, want error) {
	t.Helper()
	nodes := redistest.NewCluster(t, 2)
	s := open(t, redis.Options{Addresses: addresses(nodes[0]), Cluster: true, Replicas: replicas})
	slot := nodes[0].Must(t, "CLUSTER", "KEYSLOT", "darihook:1:{test/a}")
	from, to := nodes[0], nodes[1]
	if n := nodes[1].Must(t, "CLUSTER", "COUNTKEYSINSLOT", slot); n != "0" {
		t.Fatalf("%s keys in slot %s", n, slot)
	}
	owner := dedup.NewOwner()
	if _, err := s.Claim(t.Context(), key("a"), owner, long); err != nil {
		t.Fatal(err)
	}
	if from.Must(t, "CLUSTER", "COUNTKEYSINSLOT", slot) == "0" {
		from, to = to, from
	}
	moveSlot(t, from, to, slot)
	if err := s.Commit(t.Context(), key("a"), owner, outcome, long); !errors.Is(err, want) {
		t.Fatalf("commit: %v, want %v", err, want)
	}
	if claim, err := s.Claim(t.Context(), key("a"), dedup.NewOwner(), long); err != nil || claim.Record.State != dedup.Done {
		t.Errorf("claim after the move = %+v, %v, want it done", claim, err)
	}
}

func moveSlot(t *testing.T, from, to *redistest.Server, slot string) {
	t.Helper()
	source, target := from.Must(t, "CLUSTER", "MYID"), to.Must(t, "CLUSTER", "MYID")
	to.Must(t, "CLUSTER", "SETSLOT", slot, "IMPORTING", source)
	from.Must(t, "CLUSTER", "SETSLOT", slot, "MIGRATING", target)
	host, port, _ := net.SplitHostPort(to.Addr)
	from.Must(t, "MIGRATE", host, port, "darihook:1:{test/a}", "0", "5000")
	to.Must(t, "CLUSTER", "SETSLOT", slot, "NODE", target)
	from.Must(t, "CLUSTER", "SETSLOT", slot, "NODE", target)
}

func TestTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pool := writeCertificate(t, dir)
	server := redistest.New(t)
	ports, err := redistest.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(ports[0])
	address := []string{net.JoinHostPort("127.0.0.1", port)}
	_, err = server.Do(t.Context(), "CONFIG", "SET", "tls-cert-file", filepath.Join(dir, "cert.pem"), "tls-key-file", filepath.Join(dir, "key.pem"),
		"tls-ca-cert-file", filepath.Join(dir, "cert.pem"), "tls-auth-clients", "no", "tls-port", port)
	if err != nil {
		if strings.Contains(err.Error(), "Unknown option") && os.Getenv("CI") != "true" {
			t.Skip("this redis-server was built without TLS")
		}
		t.Fatal(err)
	}
	mustDeliver(t, open(t, redis.Options{Addresses: address, TLS: &tls.Config{RootCAs: pool}}))
	s, err := redis.Open(t.Context(), redis.Options{
		Addresses: address, TLS: &tls.Config{RootCAs: x509.NewCertPool()}, Timeout: patient,
	})
	if err == nil {
		s.Close()
	}
	wantReason(t, err, redis.WrongServer)
}

// TestClusterNodeAway makes the first contact while a node is down: the others' keys are served.
func TestClusterNodeAway(t *testing.T) {
	t.Parallel()
	nodes := redistest.NewCluster(t, 3)
	for _, node := range nodes {
		node.Must(t, "CONFIG", "SET", "cluster-require-full-coverage", "no")
	}
	mark := nodes[0].Must(t, "CLUSTER", "KEYSLOT", "darihook:format")
	slot, err := strconv.Atoi(mark)
	if err != nil {
		t.Fatal(err)
	}
	holder := slices.IndexFunc([]int{5461, 10922, 16384}, func(end int) bool { return slot < end })
	nodes[(holder+1)%3].Kill()
	s := open(t, redis.Options{Addresses: addresses(nodes...), Cluster: true, Timeout: redis.DefaultTimeout})
	wantRecovery(t, s) // some key finds a node that is up
}

// TestClusterNodePaused asks all nodes at once while one of them is silent: the others answer without waiting for it.
func TestClusterNodePaused(t *testing.T) {
	t.Parallel()
	nodes := redistest.NewCluster(t, 3)
	for _, node := range nodes {
		node.Must(t, "CONFIG", "SET", "cluster-require-full-coverage", "no")
	}
	s := open(t, redis.Options{Addresses: addresses(nodes...), Cluster: true, Timeout: 4 * time.Second})
	const calls = 48
	var silent [calls]bool // those for the last node
	for i := range calls {
		mustClaim(t, s, key(strconv.Itoa(i)), dedup.NewOwner())
		slot, err := strconv.Atoi(nodes[0].Must(t, "CLUSTER", "KEYSLOT", "darihook:1:{test/"+strconv.Itoa(i)+"}"))
		if err != nil {
			t.Fatal(err)
		}
		silent[i] = slot >= 10922
	}
	nodes[2].Pause()
	var lookups sync.WaitGroup
	for i := range calls {
		lookups.Go(func() {
			start := time.Now()
			_, err := s.Lookup(t.Context(), key(strconv.Itoa(i)))
			if took := time.Since(start); !silent[i] && (err != nil || took > 2*time.Second) {
				t.Errorf("answer of a node that is well: %v, after %v", err, took)
			}
			if silent[i] && err == nil {
				t.Error("an answer of a node that is paused")
			}
		})
	}
	lookups.Wait()
	nodes[2].Resume()
}

func writeCertificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "redis"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})
	for name, data := range map[string][]byte{"cert.pem": certPEM, "key.pem": keyPEM} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(certPEM)
	return pool
}

// TestClusterSlotIsOfferedToItsNewNode has a slot go to a node that does not get what was in it.
func TestClusterSlotIsOfferedToItsNewNode(t *testing.T) {
	t.Parallel()
	nodes := redistest.NewCluster(t, 2)
	s := open(t, redis.Options{Addresses: addresses(nodes...), Cluster: true})
	const name = "darihook:1:{test/a}"
	owner := dedup.NewOwner()
	mustClaim(t, s, key("a"), owner)
	if err := s.Commit(t.Context(), key("a"), owner, outcome, long); err != nil {
		t.Fatal(err)
	}
	slot := nodes[0].Must(t, "CLUSTER", "KEYSLOT", name)
	from, to := nodes[0], nodes[1]
	if from.Must(t, "CLUSTER", "COUNTKEYSINSLOT", slot) == "0" {
		from, to = to, from
	}
	<-s.SlotsKnown()
	from.Must(t, "DEL", name)
	moveSlot(t, from, to, slot)
	redistest.Eventually(t, 30*time.Second, func(ctx context.Context) error {
		n, err := to.Do(ctx, "CLUSTER", "COUNTKEYSINSLOT", slot)
		if err == nil && n == "0" {
			err = errors.New("the new node has nothing")
		}
		return err
	})
	if record := mustLookup(t, s, key("a")); record.State != dedup.Done || record.Outcome != outcome {
		t.Errorf("record = %+v, want it done as before", record)
	}
}
