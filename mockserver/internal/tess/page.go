package tess

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/darihook/darihook/mockserver/internal/httpjson"
)

// page is a part of a list, as Laravel's length-aware paginator writes it.
type page struct {
	CurrentPage  int        `json:"current_page"`
	Data         []*webhook `json:"data"`
	FirstPageURL string     `json:"first_page_url"`
	// From and To are the places of the first and the last item on the page, from 1; null on an empty page.
	From        *int    `json:"from"`
	LastPage    int     `json:"last_page"`
	LastPageURL string  `json:"last_page_url"`
	Links       []link  `json:"links"`
	NextPageURL *string `json:"next_page_url"`
	Path        string  `json:"path"`
	PerPage     int     `json:"per_page"`
	PrevPageURL *string `json:"prev_page_url"`
	To          *int    `json:"to"`
	Total       int     `json:"total"`
}

// link is one of the links that a web page would show beneath the list.
type link struct {
	URL    *string `json:"url"`
	Label  string  `json:"label"`
	Active bool    `json:"active"`
}

// The bounds of a page. That more than 100 are refused is a choice.
const (
	defaultPerPage = 15
	maxPerPage     = 100
	maxPage        = 1_000_000
)

// wanted is what the query asks for.
type wanted struct {
	page, perPage int
	// explicit tells that the size was given, and has to be in the links.
	explicit bool
}

// wantedOf reads the query.
func wantedOf(r *http.Request) (wanted, error) {
	var problems httpjson.Problems
	q := r.URL.Query()
	number := func(name string, otherwise, most int) int {
		text := q.Get(name)
		if text == "" {
			return otherwise
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > most {
			problems.Invalid(name+" must be a number from 1 to "+strconv.Itoa(most), "query", name)
		}
		return n
	}
	w := wanted{number("page", 1, maxPage), number("per_page", defaultPerPage, maxPerPage), q.Get("per_page") != ""}
	return w, problems.Err()
}

// paged returns the part of a list that is wanted. path is the list's own address.
func paged(all []*webhook, want wanted, path string) page {
	first := min((want.page-1)*want.perPage, len(all))
	end := min(first+want.perPage, len(all))
	p := page{
		CurrentPage: want.page, Path: path, PerPage: want.perPage, Total: len(all),
		LastPage: max((len(all)+want.perPage-1)/want.perPage, 1), Data: []*webhook{},
	}
	for _, w := range all[first:end] {
		shown := *w // what is written after the lock is released must not change
		p.Data = append(p.Data, &shown)
	}
	if first < end {
		from := first + 1
		p.From, p.To = &from, &end
	}
	p.link(want)
	return p
}

// link fills in the addresses of the other pages.
func (p *page) link(want wanted) {
	at := func(n int) *string {
		q := url.Values{"page": {strconv.Itoa(n)}}
		if want.explicit {
			q.Set("per_page", strconv.Itoa(want.perPage))
		}
		address := p.Path + "?" + q.Encode()
		return &address
	}
	p.FirstPageURL, p.LastPageURL = *at(1), *at(p.LastPage)
	if p.CurrentPage > 1 {
		p.PrevPageURL = at(p.CurrentPage - 1)
	}
	if p.CurrentPage < p.LastPage {
		p.NextPageURL = at(p.CurrentPage + 1)
	}
	p.Links = []link{{URL: p.PrevPageURL, Label: "&laquo; Previous"}}
	last := 0
	for n := range numbers(p.CurrentPage, p.LastPage) {
		if n > last+1 {
			p.Links = append(p.Links, link{Label: "..."})
		}
		p.Links = append(p.Links, link{URL: at(n), Label: strconv.Itoa(n), Active: n == p.CurrentPage})
		last = n
	}
	p.Links = append(p.Links, link{URL: p.NextPageURL, Label: "Next &raquo;"})
}

// numbers yields the numbers of the pages that are linked: all when they are few, else two at either end, and ten at the
// end that the present page is near, or the seven around it.
func numbers(current, last int) func(yield func(int) bool) {
	const few, near, many, around = 14, 7, 10, 3
	linked := func(n int) bool {
		switch {
		case last < few, n <= 2, n > last-2:
			return true
		case current <= near:
			return n <= many
		case current > last-near:
			return n >= last-many+1
		}
		return n >= current-around && n <= current+around
	}
	return func(yield func(int) bool) {
		for n := 1; n <= last; n++ {
			if linked(n) && !yield(n) {
				return
			}
		}
	}
}
