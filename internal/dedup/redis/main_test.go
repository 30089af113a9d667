package redis_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain lets more tests run at once than there are processors: these wait, for leases and servers, and compute
// little.
func TestMain(m *testing.M) {
	flag.Parse()
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "test.parallel" || f.Name == "test.fuzz" })
	if !chosen {
		if err := flag.Set("test.parallel", "12"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
