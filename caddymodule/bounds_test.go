package caddymodule_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/darihook/darihook/caddymodule"
)

// TestSettingsThatCannotWork shows what keeps a configuration from loading, as JSON has it: the Caddyfile's own refusals are
// among the golden files.
func TestSettingsThatCannotWork(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ settings, want string }{
		"fail/max_body without a unit":    {`"max_body":5`, `max_body: no delivery fits into 5 bytes: give it a unit, such as 5MiB`},
		"fail/max_body of hashed bodies":  {`"provider":"danube","max_body":1`, `max_body: no delivery fits into 1 bytes`},
		"fail/body_timeout in seconds":    {`"body_timeout":30`, `body_timeout: 30ns is less than 1ms: give it a unit`},
		"fail/negative body_timeout":      {`"body_timeout":"-1s"`, `body_timeout: negative duration -1s`},
		"fail/tolerance in seconds":       {`"tolerance":{"past":300}`, `tolerance: 300ns is less than the second that a timestamp counts: raise it, such as to 5m`},
		"fail/tolerance under a second":   {`"tolerance":{"past":"999ms"}`, `tolerance: 999ms is less than the second`},
		"fail/negative tolerance":         {`"tolerance":{"past":"-5m"}`, `tolerance: -5m0s is less than the second`},
		"fail/tolerance ahead in seconds": {`"tolerance":{"past":"5m","future":5}`, `tolerance ahead: 5ns is less than 1ms: give it a unit`},
		"fail/ttl in seconds":             {`"dedup":{"ttl":259200}`, `dedup ttl: 259.2µs is less than 1ms: give it a unit, such as "5m"; a bare number counts nanoseconds`},
		"fail/negative lease":             {`"dedup":{"lease":"-1s"}`, `dedup lease: negative duration -1s`},
		"fail/lease":                      {`"dedup":{"lease":"1ms"}`, `dedup lease: no claim can be renewed within 1ms: raise it to 50ms at least, such as to 30s`},
		"fail/wait":                       {`"dedup":{"wait":10}`, `dedup wait: 10ns is less than 1ms`},
		"fail/timeout":                    {`"dedup":{"timeout":250}`, `dedup timeout: 250ns is less than 1ms`},
		"fail/wait and reject":            {`"dedup":{"wait":"1s","reject_in_flight":true}`, `dedup: copies in flight are either waited for or rejected: drop wait or reject_in_flight`},
		"fail/off and more":               {`"dedup":{"off":true,"ttl":"1h"}`, `dedup off takes no other settings`},
		"fail/success of no class":        {`"dedup":{"success":[7]}`, `dedup success: 7 is neither the status of an answer`},
		"fail/success while informing":    {`"dedup":{"success":[1]}`, `dedup success: 1 is neither the status of an answer`},
		"fail/success that is no answer":  {`"dedup":{"success":[200,101]}`, `dedup success: 101 is neither the status of an answer`},
		"fail/success beyond HTTP":        {`"dedup":{"success":[799]}`, `dedup success: 799 is neither the status of an answer, from 200 to 599, nor one of the classes 2xx to 5xx`},
		"fail/forward timeout":            {`"forward":{"address":"a:1","timeout":30}`, `forward timeout: 30ns is less than 1ms`},
		"fail/forward dial_timeout":       {`"forward":{"address":"a:1","dial_timeout":3}`, `forward dial_timeout: 3ns is less than 1ms`},
		"fail/forward keepalive":          {`"forward":{"address":"a:1","keepalive":-1}`, `forward keepalive: negative duration -1ns`},
		"fail/forward connections":        {`"forward":{"address":"a:1","max_conns_per_host":-1}`, `forward max_conns_per_host: negative number -1`},
		"fail/forward short header":       {`"forward":{"address":"a:1","max_response_header_size":255}`, `forward max_response_header: 255 bytes: must be between 256 and 67108864`},
		"fail/forward long header":        {`"forward":{"address":"a:1","max_response_header_size":67108865}`, `forward max_response_header: 67108865 bytes: must be`},
		"fail/forward negative header":    {`"forward":{"address":"a:1","max_response_header_size":-1}`, `forward max_response_header: -1 bytes: must be`},
		"ok/least that there is": {`"max_body":10,"tolerance":{"past":"1s","future":"1ms"},"forward":{"address":"a:1","timeout":"1ms"},
			"dedup":{"ttl":"1ms","lease":"50ms","wait":"1ms","timeout":"1ms","success":[2,5,200,599]}`, `no secret: set secret or secret_file`},
		"ok/any body": {`"provider":"shopify","max_body":1,"dedup":{"off":true}`, `no secret: set secret or secret_file`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var h caddymodule.Handler
			if err := json.Unmarshal([]byte("{"+row.settings+"}"), &h); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
			defer cancel()
			if err := h.Provision(ctx); err == nil || !strings.HasPrefix(err.Error(), row.want) {
				t.Errorf("%v, want %s", err, row.want)
			}
		})
	}
}
