package redis

import (
	"errors"
	"fmt"
	"testing"
)

// TestAnswersOfAWrongServer shows which answers cost the connection.
func TestAnswersOfAWrongServer(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct{ single, cluster bool }{
		"READONLY You can't write against a read only replica.":                            {true, false},
		"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.": {true, false},
		"UNBLOCKED force unblock from blocking operation, instance state changed":          {true, false},
		"LOADING Redis is loading the dataset in memory":                                   {true, false},
		"NOAUTH Authentication required.":                                                  {true, true},
		"NOPERM User gate has no permissions to run the 'evalsha' command":                 {false, false},
		"OOM command not allowed when used memory > 'maxmemory'.":                          {false, false},
		"WRONGTYPE Operation against a key holding the wrong kind of value":                {false, false},
		"NOREPLICAS Not enough good replicas to write.":                                    {false, false},
	} {
		err := fmt.Errorf("calling: %w", serverError(text))
		if got := (Options{}).misled(err); got != want.single {
			t.Errorf("%s: %v, want %v", text, got, want.single)
		}
		if got := (Options{Cluster: true}).misled(err); got != want.cluster {
			t.Errorf("%s in a Cluster: %v, want %v", text, got, want.cluster)
		}
	}
	if (Options{}).misled(nil) || (Options{}).misled(errors.New("broken")) {
		t.Error("an error that is no answer costs the connection")
	}
}
