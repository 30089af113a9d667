// The address: #/view, or #/deliveries/<id> and #/deliveries/<id>/<attempt>.

import { byId } from './dom.js';

const views = ['deliveries', 'faults', 'agents', 'results', 'platform'];
const titles = { deliveries: 'Deliveries', faults: 'Faults', agents: 'Agents', results: 'Tool results', platform: 'Platform' };

/** Reads the address. An unknown one is the list of deliveries. */
export function route() {
  const [view, id, attempt] = location.hash.replace(/^#\/?/, '').split('/').map(decode);
  if (!views.includes(view)) return { view: 'deliveries', id: '', attempt: 0 };
  return { view, id: view === 'deliveries' ? id ?? '' : '', attempt: Number.parseInt(attempt, 10) || 0 };
}

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function deliveryHref(id, attempt) {
  return `#/deliveries/${encodeURIComponent(id)}${attempt ? `/${attempt}` : ''}`;
}

/** Shows the view of the address, and calls onRoute({view, id, attempt}) now and whenever it changes. */
export function startRoutes(onRoute) {
  let before = '';
  const show = () => {
    const now = route();
    for (const view of views) byId(`view-${view}`).hidden = view !== now.view;
    for (const link of document.querySelectorAll('.views a')) {
      if (link.dataset.view === now.view) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
    document.title = `${titles[now.view]} · darihook mock`;
    if (before && before !== now.view) scrollTo(0, 0);
    before = now.view;
    onRoute(now);
  };
  addEventListener('hashchange', show);
  show();
}
