package conformance

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

// urlSpecs test the rules on webhook URLs: clauses CFG-010 to CFG-013.
var urlSpecs = []Spec{
	{Clause: "CFG-010", Name: "refuses a URL that is not absolute", Roles: configs, run: refusesRelative},
	{Clause: "CFG-011", Name: "refuses plain HTTP", Roles: configs, run: refusesPlainHTTP},
	{Clause: "CFG-012", Name: "refuses a user name or password", Roles: configs, run: refusesUserInfo},
	{Clause: "CFG-013", Name: "refuses private addresses", Roles: configs, run: refusesAddresses(private)},
	{Clause: "CFG-013", Name: "refuses loopback addresses", Roles: configs, run: refusesAddresses(loopback)},
	{Clause: "CFG-013", Name: "refuses link-local addresses", Roles: configs, run: refusesAddresses(linkLocal)},
	{Clause: "CFG-013", Name: "refuses IPv4-mapped addresses", Roles: configs, run: refusesAddresses(mapped)},
	{Clause: "CFG-013", Name: "refuses names that resolve to such addresses", Roles: configs, run: refusesAddresses(localNames)},
}

// Hosts that are not public. Names stay within what RFC 6761 section 6.3 gives to loopback, so that no name server is
// asked.
var (
	private    = []string{"10.0.0.1", "172.16.0.1", "172.31.255.254", "192.168.1.1", "[fd00::1]"}
	loopback   = []string{"127.0.0.1", "127.8.9.10", "[::1]", "0.0.0.0", "[::]"}
	linkLocal  = []string{"169.254.169.254", "[fe80::1]"}
	mapped     = []string{"[::ffff:10.0.0.1]", "[::ffff:127.0.0.1]", "[::ffff:a9fe:a9fe]"}
	localNames = []string{"localhost", "LOCALHOST", "localhost.", "dari.localhost"}
)

// refusesURL sends a PUT whose URL must be refused, and makes sure that the one before it stays.
func (p *probe) refusesURL(ctx context.Context, text, why string) {
	a := p.call(ctx, http.MethodPut, webhookPath(p.cfg.Agent), hookAt(text))
	if !a.refusal() {
		p.fail("4xx for "+text+": "+why, "%s", a)
	}
	if kept := p.get(ctx, p.cfg.Agent).url(); text != "" && kept == text {
		p.fail("the URL before the refused one stays", "the refused one was stored")
	}
}

// public is the webhook URL in parts, to be changed.
func (p *probe) public() url.URL {
	u, err := url.Parse(p.cfg.WebhookURL)
	if err != nil || u.Host == "" {
		p.cannotTell("--webhook-url is not a URL")
	}
	return *u
}

func refusesRelative(ctx context.Context, p *probe) {
	u := p.public()
	for _, text := range []string{"/hooks", "hooks/dari", "//" + u.Host + "/hooks", u.Host + "/hooks", "https:", "https:///hooks", ""} {
		p.refusesURL(ctx, text, "it is not absolute")
	}
}

func refusesPlainHTTP(ctx context.Context, p *probe) {
	u := p.public()
	for _, scheme := range []string{"http", "HTTP"} {
		p.refusesURL(ctx, strings.Replace(u.String(), u.Scheme, scheme, 1), "it is not HTTPS")
	}
}

func refusesUserInfo(ctx context.Context, p *probe) {
	for _, user := range []*url.Userinfo{url.User("somebody"), url.UserPassword("somebody", "pass"), url.UserPassword("", "pass")} {
		u := p.public()
		u.User = user
		p.refusesURL(ctx, u.String(), "it holds a user name or password")
	}
}

func refusesAddresses(hosts []string) func(context.Context, *probe) {
	return func(ctx context.Context, p *probe) {
		for _, host := range hosts {
			p.refusesURL(ctx, "https://"+host+"/hooks", "it leads to an address that is not public")
		}
	}
}
