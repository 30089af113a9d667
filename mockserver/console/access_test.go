package console_test

import (
	"testing"

	"github.com/darihook/darihook/contract"
)

// contrasts computes the contrast of what is visible, as WCAG 2.2 defines it (1.4.3): each text with the ground that its
// ancestors paint. It returns the texts that stand out less than 4.5 to 1, and how many it has looked at.
const contrasts = `(() => {
	const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
	const rgba = (color) => {
		canvas.clearRect(0, 0, 1, 1);
		canvas.fillStyle = color;
		canvas.fillRect(0, 0, 1, 1);
		return [...canvas.getImageData(0, 0, 1, 1).data];
	};
	const luminance = ([r, g, b]) => [r, g, b].map((c) => c / 255)
		.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
		.reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
	const ground = (node) => {
		for (let at = node; at; at = at.parentElement) {
			const color = rgba(getComputedStyle(at).backgroundColor);
			if (color[3] === 255) return color;
			if (color[3] !== 0) throw new Error('half-transparent ground');
		}
		return [255, 255, 255, 255];
	};
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	const faint = [];
	let looked = 0;
	for (let text = walker.nextNode(); text; text = walker.nextNode()) {
		const node = text.parentElement;
		if (!text.data.trim() || !node.checkVisibility() || node.closest('.hidden, :disabled, noscript, option')) continue;
		const [a, b] = [luminance(rgba(getComputedStyle(node).color)), luminance(ground(node))];
		const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		looked += 1;
		if (ratio < 4.5) faint.push(text.data.trim().slice(0, 40) + ' ' + ratio.toFixed(2));
	}
	return { faint: [...new Set(faint)], looked };
})()`

type contrast struct {
	Faint  []string
	Looked int
}

func TestTextStandsOutFromItsGround(t *testing.T) {
	t.Parallel()
	mock, r := start(t, schedule)
	failing := rehearse(t, mock, r)
	p := open(t, mock, "")
	for _, theme := range []string{"light", "dark"} {
		p.media(map[string]string{"prefers-color-scheme": theme, "prefers-reduced-motion": "reduce"})
		for _, hash := range []string{"#/deliveries/" + failing + "/1", "#/faults", "#/agents", "#/platform"} {
			eval[bool](p, `(location.hash = "`+hash+`", true)`)
			p.until(`[...document.querySelectorAll('main > section')].some((s) => s.checkVisibility() && s.innerText.length > 100)`)
			if hash[3] == 'd' {
				p.until(`document.querySelector('[data-role="signed"]') && document.querySelector('#detail .note')`)
			}
			if got := eval[contrast](p, contrasts); len(got.Faint) > 0 || got.Looked < 20 {
				t.Errorf("in the %s theme, of %d texts of %s these are faint: %q", theme, got.Looked, hash, got.Faint)
			}
		}
	}
	if !eval[bool](p, `document.getElementById('theme').getAttribute('aria-pressed') === 'true'`) {
		t.Error("the button does not say that the theme is dark")
	}
	dark := eval[string](p, `getComputedStyle(document.body).backgroundColor`)
	p.click("#theme")
	p.until(`getComputedStyle(document.body).backgroundColor !== '` + dark + `'`)
	if got := eval[string](p, `getComputedStyle(document.documentElement).colorScheme`); got != "light" {
		t.Errorf("the button leads from dark to %q", got)
	}
	if eval[bool](p, `document.getAnimations().some((a) => a.playState === 'running')`) {
		t.Error("something moves although the system asks for reduced motion")
	}
}

// nameless finds what a screen reader could not name or would get wrong: controls without a name, fields without a label,
// ids that are given twice, references to ids that are not there, headings that skip a level.
const nameless = `(() => {
	const found = [];
	const visible = [...document.querySelectorAll('a, button, input, select, textarea, summary, [tabindex="0"], dialog[open]')].filter((n) => n.checkVisibility());
	for (const node of visible) {
		const by = (node.getAttribute('aria-labelledby') ?? '').split(' ').filter(Boolean).map((id) => document.getElementById(id)?.textContent ?? '').join('');
		const label = [...(node.labels ?? [])].map((l) => l.textContent).join('');
		const own = ['INPUT', 'SELECT', 'TEXTAREA'].includes(node.tagName) ? '' : node.textContent;
		if (!(node.getAttribute('aria-label') || by || label || own).trim()) found.push('no name: ' + node.outerHTML.slice(0, 120));
	}
	const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
	for (const id of new Set(ids.filter((id, i) => ids.indexOf(id) !== i))) found.push('id given twice: ' + id);
	for (const name of ['aria-labelledby', 'aria-describedby', 'for']) {
		for (const node of document.querySelectorAll('[' + name + ']')) {
			if (node.closest('dialog:not([open])') || !node.checkVisibility()) continue;
			for (const id of node.getAttribute(name).split(' ')) if (!document.getElementById(id)) found.push(name + ' leads nowhere: ' + id);
		}
	}
	let level = 0;
	for (const heading of [...document.querySelectorAll('h1, h2, h3, h4')].filter((n) => n.checkVisibility())) {
		const now = Number(heading.tagName[1]);
		if (now > level + 1) found.push('heading skips a level: ' + heading.textContent);
		level = now;
	}
	for (const landmark of ['header', 'nav', 'main']) if (document.querySelectorAll(landmark).length !== 1) found.push('not one ' + landmark);
	if (!document.documentElement.lang || !document.title) found.push('no language or title');
	if (visible.length < 10) found.push('only ' + visible.length + ' controls were looked at');
	return found;
})()`

func TestControlsHaveNames(t *testing.T) {
	t.Parallel()
	mock, r := start(t, schedule)
	failing := rehearse(t, mock, r)
	emit(t, mock, contract.SessionCompleted, 1, nil)
	p := open(t, mock, "")
	look := func(where string) {
		t.Helper()
		for _, problem := range eval[[]string](p, nameless) {
			t.Errorf("%s: %s", where, problem)
		}
	}
	for hash, ready := range map[string]string{
		"#/deliveries":            `document.querySelector('#rows a')`,
		"#/deliveries/" + failing: `document.querySelector('[data-role="signed"]')`,
		"#/faults":                `document.querySelector('#fault-list li')`,
		"#/agents":                `document.querySelector('#agent-list form')`,
		"#/results":               `document.querySelector('#result-list .empty')`,
		"#/platform":              `document.querySelector('#overview dl')`,
	} {
		eval[bool](p, `(location.hash = "`+hash+`", true)`)
		p.until(ready)
		look(hash)
	}
	p.click("#emit-open")
	p.click("#emit summary")
	look("the dialog")
}
