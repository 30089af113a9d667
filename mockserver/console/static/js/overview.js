// The platform as a whole: what it is, how it retries, and the way to empty it.

import { api } from './api.js';
import { byId, el, fill } from './dom.js';
import { count, fullTime } from './format.js';
import { attempt, notify } from './notices.js';
import { platform, refresh, watch } from './platform.js';

function facts(status) {
  const fact = (name, value) => el('div', {}, el('dt', {}, name), el('dd', {}, value));
  return el('dl', { class: 'facts' },
    fact('Provider', platform.provider?.title ?? status.provider), fact('API', el('span', { class: 'mono' }, status.url)),
    fact('Version', status.version || 'unknown'), fact('Started', fullTime(status.started_at)),
    fact('Attempts under way', count(status.in_flight)), fact('Sessions', count(status.sessions)),
    fact('Forgotten deliveries', count(status.dropped)));
}

function schedule(pauses) {
  return el('ol', { class: 'legend', 'aria-label': 'Pauses before the attempts' },
    pauses.map((pause, i) => el('li', {}, `#${i + 1} `, el('span', { class: 'mono' }, i === 0 && /^0s?$/.test(pause) ? 'at once' : `after ${pause.replace(/m0s$/, 'm').replace(/h0m$/, 'h')}`))));
}

function render() {
  const { status } = platform;
  if (!status || !byId('overview')) return;
  fill(byId('overview'), facts(status), el('h3', {}, 'Retry schedule'), schedule(status.schedule ?? []));
}

function askReset() {
  const dialog = byId('reset');
  fill(dialog, el('h2', { id: 'reset-title' }, 'Reset the platform?'),
    el('p', {}, 'Every delivery, event, session, tool result and fault is forgotten, and agents go back to how they were at the start. This cannot be undone.'),
    el('div', { class: 'form-actions' },
      el('button', { type: 'button', class: 'button', autofocus: true, on: { click: () => dialog.close() } }, 'Cancel'),
      el('button', { type: 'button', class: 'button danger', id: 'reset-confirm', on: { click: reset } }, 'Reset everything')));
  dialog.showModal();
}

async function reset() {
  byId('reset').close();
  await attempt(async () => {
    await api.reset();
    await refresh();
    notify('The platform is empty');
  });
}

export function showOverview() {
  const view = byId('view-platform');
  if (!view.firstChild) {
    fill(view, el('h2', { id: 'platform-title' }, 'Platform'), el('p', { class: 'intro' }, 'The mock that this page belongs to.'),
      el('div', { class: 'stack' },
        el('section', { class: 'card', 'aria-label': 'Status' }, el('div', { class: 'card-body', id: 'overview' })),
        el('section', { class: 'card', 'aria-labelledby': 'reset-card' }, el('div', { class: 'card-head' }, el('h3', { id: 'reset-card' }, 'Start over'),
          el('div', { class: 'tools' }, el('button', { type: 'button', class: 'button danger', id: 'reset-open', on: { click: askReset } }, 'Reset…'))),
        el('p', { class: 'card-body muted' }, 'Empties the platform, as between two tests.'))));
  }
  render();
}

export function startOverview() {
  watch(render);
}
