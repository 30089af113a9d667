package contract

// Where Tess's clauses were read. Nothing is public about deliveries.
const fromTess = "Tess API documentation, webhooks"

// tessDelivery: what can be said of a delivery of Tess.
var tessDelivery = []Clause{
	{"DLV-023", Must, Inferred, sides(Sender),
		"A delivery goes to the webhook's URL as it was given, the query included, by the webhook's method.", "inferred: the API stores a URL and a method, and nothing else of use"},
	{"DLV-024", Must, Inferred, sides(Sender),
		"A delivery carries no signature.", "inferred: the API hands out no secret that could make one"},
	{"DLV-025", Must, Inferred, sides(Sender),
		"A webhook that is inactive gets nothing.", "inferred: the name of the status"},
	{"DLV-026", Must, Inferred, sides(Sender),
		"A webhook that was deleted gets nothing.", "inferred: the sense of deleting"},
	{"DLV-027", Must, Inferred, sides(Sender),
		"A delivery that was answered with 2xx adds one to success_count of its webhook.", "inferred: the name of the field"},
}

// tessConfiguration: the API by which a webhook of Tess is set up.
var tessConfiguration = []Clause{
	{"CFG-037", Must, Verified, sides(Config),
		"POST of url, method and an optional status is answered with 201 and the new webhook: template_id, user_id, url, method, status, updated_at, created_at and id.", fromTess},
	{"CFG-038", Must, Verified, sides(Config),
		"id, template_id and user_id are integers; template_id is the agent.", fromTess},
	{"CFG-039", Must, Verified, sides(Config),
		"No answer holds a secret.", fromTess},
	{"CFG-040", Must, Verified, sides(Config),
		"method is POST or GET; another one is refused.", fromTess + ": POST where webhooks are made, GET where errors are listed"},
	{"CFG-041", Must, Verified, sides(Config),
		"status is active or inactive; another one is refused.", fromTess},
	{"CFG-042", Should, Inferred, sides(Config),
		"A webhook that is made without a status is active.", "inferred: status is optional, and a webhook is made to be used"},
	{"CFG-043", Must, Verified, sides(Config),
		"url uses HTTPS; another one is refused.", fromTess},
	{"CFG-044", Must, Verified, sides(Config),
		"url and method are required.", fromTess},
	{"CFG-045", Must, Verified, sides(Config),
		"GET of an agent's webhooks answers a page as Laravel's paginator writes it: current_page, data, first_page_url, from, last_page, last_page_url, links, next_page_url, path, per_page, prev_page_url, to and total.", fromTess},
	{"CFG-046", Must, Verified, sides(Config),
		"page and per_page choose what is on the page; per_page is 15 unless it is given.", fromTess},
	{"CFG-047", Must, Verified, sides(Config),
		"The items of a page are webhooks with success_count, failure_count and deleted_at besides.", fromTess},
	{"CFG-048", Must, Verified, sides(Config),
		"GET of all webhooks answers those of every agent.", fromTess + "; that it is a page as well is inferred"},
	{"CFG-049", Must, Verified, sides(Config),
		"A webhook that was deleted is listed no more, or with deleted_at.", fromTess},
	{"CFG-050", Must, Verified, sides(Config),
		"A missing or wrong key is answered with 403, and not with 401.", fromTess},
	{"CFG-051", Must, Verified, sides(Config),
		"An error is JSON with error.", fromTess},
	{"CFG-052", Must, Verified, sides(Config),
		"What does not fit is answered with 400 and messages, an object that lists what is wrong by field.", fromTess},
	{"CFG-053", Must, Verified, sides(Config),
		"Calls beyond the limit are answered with 429 and retry_after in the body.", fromTess},
	{"CFG-054", Must, Inferred, sides(Config),
		"An unknown agent or webhook is answered with 404.", "inferred: RFC 9110 section 15.5.5"},
	{"CFG-055", Must, Verified, sides(Config),
		"x-workspace-id is optional: a call that names the key's workspace is served as one that names none.", fromTess},
}

// tessEvents: what a delivery of Tess says.
var tessEvents = []Clause{
	{"EVT-011", Must, Inferred, sides(Sender),
		"The body of a POST is what the API answers when an agent is run: id, status, input, output, credits, root_id, created_at, updated_at and template_id.", "inferred: nothing else that the API has says what an agent did"},
}
