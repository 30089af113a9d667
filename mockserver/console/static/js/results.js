// The tool results that applications have sent.

import { api } from './api.js';
import { byId, el, fill } from './dom.js';
import { clip, fullTime, httpStatus, plural } from './format.js';
import { attempt } from './notices.js';

const most = 200; // results shown
const longest = 4000; // characters of a result

function entry(result) {
  const taken = result.status === 202;
  return el('li', { class: 'item' }, el('div', { class: 'stack' },
    el('h3', {}, result.tool_call_id),
    el('p', {}, el('span', { class: `status ${taken ? 'succeeded' : 'failed'}` }, taken ? 'Taken' : 'Refused', ` with ${httpStatus(result.status)}`),
      result.is_error && el('span', { class: 'tag' }, 'is_error')),
    el('p', { class: 'muted' }, `${fullTime(result.at)} · `, el('span', { class: 'mono' }, `${result.session_id} · ${result.message_id}`)),
    el('pre', { class: 'wire text', tabindex: 0, role: 'region', 'aria-label': `Result of ${result.tool_call_id}` }, clip(JSON.stringify(result.result, null, 2) ?? '', longest))));
}

let drawn = ''; // what the list shows, so that nothing is drawn twice

export async function showResults() {
  const view = byId('view-results');
  if (!view.firstChild) {
    fill(view, el('h2', { id: 'results-title' }, 'Tool results'),
      el('p', { class: 'intro' }, 'What applications have sent to submit_url, the newest first, and what the platform answered.'),
      el('div', { id: 'result-list', class: 'card' }));
  }
  const results = await attempt(api.results);
  const state = JSON.stringify(results);
  if (!results || state === drawn) return;
  drawn = state;
  const shown = results.slice(-most).reverse();
  fill(byId('result-list'), shown.length
    ? el('ul', {}, shown.map(entry))
    : el('div', { class: 'empty' }, el('h3', {}, 'No tool results yet'), el('p', {}, 'They appear when an application answers tool.call_requested.')),
  results.length > most && el('p', { class: 'item muted' }, `The newest ${most} of ${plural(results.length, 'result')}.`));
}
