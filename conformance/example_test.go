package conformance_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/darihook/darihook/conformance"
	"github.com/darihook/darihook/contract"
)

// A receiver that answers every request with success breaks whatever asks it to refuse one. In a test, [Run] makes a subtest of
// each clause instead.
func ExampleJudge() {
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer receiver.Close()

	report, err := conformance.Judge(context.Background(), conformance.Config{
		Role:    contract.Receiver,
		Target:  receiver.URL,
		Secret:  "whsec_ZXhhbXBsZS1leGFtcGxlLWV4YW1wbGUtZXhhbXBsZSE=",
		Clauses: []contract.ClauseID{"SIG-001", "TIME-001", "DLV-011"}, // default: all of them
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, clause := range report.Clauses {
		if clause.Cause != conformance.CauseSelection {
			fmt.Println(clause.ID, clause.Level, clause.Verdict)
		}
	}
	fmt.Println(report.Result)
	// Output:
	// SIG-001 MUST non-conformant
	// TIME-001 MUST non-conformant
	// DLV-011 MUST conformant
	// non-conformant
}
