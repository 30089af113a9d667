package mockserver_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver"
	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/faults"
)

// TestReceiversOverHTTPS wants deliveries at a receiver with a certificate of its own once it is trusted, in the version of HTTP
// that it speaks, also where a fault has the request written by hand.
func TestReceiversOverHTTPS(t *testing.T) {
	t.Parallel()
	for name, second := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
		spoken := make(chan string, 10)
		to := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { spoken <- r.Proto }))
		to.EnableHTTP2 = second
		to.StartTLS()
		t.Cleanup(to.Close)
		pool := x509.NewCertPool()
		pool.AddCert(to.Certificate())
		for _, trusting := range []func(*mockserver.Options){
			func(o *mockserver.Options) { o.InsecureSkipVerify = true },
			func(o *mockserver.Options) { o.RootCAs = pool },
			func(o *mockserver.Options) { o.TLSConfig = &tls.Config{RootCAs: pool} },
			func(o *mockserver.Options) { o.TLSConfig = to.Client().Transport.(*http.Transport).TLSClientConfig },
		} {
			m := mockserver.New(t, trusting, func(o *mockserver.Options) { o.ForwardTo = to.URL })
			emit(t, m, client.Event{Type: contract.SessionFailed})
			if got := <-spoken; got != name {
				t.Errorf("a receiver of %s was spoken to in %s", name, got)
			}
			once := 1
			half := client.FaultRef{Fault: faults.Fault{Kind: "truncated_body", Next: &once}}
			cut := emit(t, m, client.Event{Type: contract.SessionFailed, Faults: []client.FaultRef{half}})
			idle(t, m)
			if d := deliveryOf(t, m, cut[0].DeliveryID); strings.Contains(line(d), "certificate") {
				t.Errorf("a request written by hand: %s", line(d))
			}
			for len(spoken) > 0 {
				<-spoken
			}
		}
		m := mockserver.New(t, func(o *mockserver.Options) { o.ForwardTo = to.URL })
		id := emit(t, m, client.Event{Type: contract.SessionFailed})[0].DeliveryID
		idle(t, m)
		if d := deliveryOf(t, m, id); !strings.Contains(line(d), "certificate") {
			t.Errorf("a certificate that nobody trusts: %s", line(d))
		}
	}
}

// line is the error of the first attempt.
func line(d client.Delivery) string {
	if len(d.Attempts) == 0 || d.Attempts[0].Error == nil {
		return ""
	}
	return *d.Attempts[0].Error
}
