// The list of deliveries: one page of it, however many there are. The newest page is live.

import { api } from './api.js';
import { byId, el, fill, say } from './dom.js';
import { count, fullTime, listTime, plural } from './format.js';
import { icon } from './icons.js';
import { attempt, report } from './notices.js';
import { platform } from './platform.js';
import { deliveryHref } from './route.js';

const pageSize = 100;
const rereadPause = 1500; // ms between a change and reading the page again
const words = { pending: 'Pending', succeeded: 'Succeeded', failed: 'Failed' };

let filter = { status: '', type: '', agent_id: '', text: '' };
let cursor = ''; // of the page shown; empty on the newest
let next = ''; // of the page after it
let skipped = 0; // deliveries on the pages before
let total = 0;
let rows = new Map(); // id → {summary, node, …}, the newest first
let opened = '';
let reading = 0;
let timer = 0;

const newest = (a, b) => Date.parse(b.created_at) - Date.parse(a.created_at);

/** A status as a shape and a word. */
export function statusOf(status, extra = '') {
  return el('span', { class: `status ${status} ${extra}` }, icon(status), words[status] ?? status);
}

function matches(s) {
  const text = filter.text.toLowerCase();
  return (!filter.status || s.status === filter.status) && (!filter.type || s.type === filter.type)
    && (!filter.agent_id || s.agent_id === filter.agent_id)
    && (!text || [s.id, s.event_id, s.agent_id, s.type, s.url].some((value) => value.toLowerCase().includes(text)));
}

function makeRow(summary) {
  const status = el('span', { class: 'row-status' });
  const ids = el('span', { class: 'row-ids muted' });
  const last = el('span', { class: 'row-last muted' });
  const link = el('a', { href: deliveryHref(summary.id) }, el('span', { class: 'row-type' }, summary.type || 'event'), status, ids, last);
  const row = { node: el('li', {}, link), link, status, ids, last, summary: null };
  update(row, summary);
  return row;
}

function update(row, summary) {
  if (row.summary?.status !== summary.status) fill(row.status, statusOf(summary.status));
  say(row.ids, `${summary.event_id} · ${summary.agent_id}`);
  const parts = [];
  if (summary.attempt_count !== 1) parts.push(plural(summary.attempt_count, 'attempt'));
  if (summary.last_status) parts.push(String(summary.last_status));
  else if (summary.last_error) parts.push('no answer');
  parts.push(listTime(summary.created_at, platform.now()));
  say(row.last, parts.join(' · '));
  row.last.title = `Created ${fullTime(summary.created_at)}`;
  row.summary = summary;
}

/** Puts the rows into the page, moving no row that is in its place, so that the focus stays. */
function place() {
  const list = byId('rows');
  let at = list.firstElementChild;
  for (const { node } of rows.values()) {
    if (node === at) at = at.nextElementSibling;
    else list.insertBefore(node, at);
  }
  while (at) {
    const gone = at;
    at = at.nextElementSibling;
    gone.remove();
  }
  markOpened();
  placePager();
}

function markOpened() {
  for (const [id, { link }] of rows) {
    if (id === opened) link.setAttribute('aria-current', 'true');
    else link.removeAttribute('aria-current');
  }
}

function placePager() {
  const first = rows.size ? skipped + 1 : 0;
  total = Math.max(total, skipped + rows.size);
  say(byId('page-range'), total ? `${count(first)}–${count(skipped + rows.size)} of ${count(total)}` : '');
  byId('page-newest').disabled = cursor === '';
  byId('page-older').disabled = next === '';
  placeEmpty();
}

function placeEmpty() {
  const empty = byId('rows-empty');
  empty.hidden = rows.size > 0;
  byId('rows').hidden = rows.size === 0;
  if (rows.size > 0) return;
  const filtered = Object.values(filter).some(Boolean);
  fill(empty, el('h3', {}, filtered ? 'Nothing matches' : 'No deliveries yet'),
    el('p', {}, filtered ? 'Other filters may show more.' : 'Emit an event, or let your application call the API. Deliveries appear here as they happen.'));
}

/** Reads the page again. Of several readings at once the last one counts. */
async function read() {
  clearTimeout(timer);
  timer = 0;
  const mine = ++reading;
  const page = await attempt(() => api.summaries({ ...filter, limit: pageSize, cursor }));
  if (!page || mine !== reading) return;
  const before = rows;
  rows = new Map();
  for (const summary of page.deliveries) {
    const row = before.get(summary.id) ?? makeRow(summary);
    update(row, summary);
    rows.set(summary.id, row);
  }
  next = page.next ?? '';
  total = page.total;
  place();
}

const readSoon = () => (timer ||= setTimeout(read, rereadPause));

/** Takes changes in: those of rows at once, new rows on the newest page; the truth follows from a reading. */
export function applyChanges(summaries) {
  let arrived = false;
  for (const summary of summaries) {
    const row = rows.get(summary.id);
    if (row) {
      if (row.summary.status !== summary.status && summary.status !== 'pending') report(summary.status);
      if (matches(summary)) update(row, summary);
      else arrived = rows.delete(summary.id);
    } else if (belongs(summary)) {
      const fresh = makeRow(summary);
      fresh.node.classList.add('fresh');
      rows.set(summary.id, fresh);
      arrived = true;
      report('arrived');
      if (summary.status !== 'pending') report(summary.status);
    }
  }
  if (arrived) {
    rows = new Map(inOrder([...rows]).slice(0, pageSize));
    total = Math.max(total, rows.size);
    place();
  }
  readSoon();
}

/** The newest first. Deliveries of the same instant stay as they are, with those that have just come before them. */
function inOrder(entries) {
  const position = new Map([...byId('rows').children].map((node, i) => [node, i]));
  return entries.reverse().sort(([, a], [, b]) => newest(a.summary, b.summary) || (position.get(a.node) ?? -1) - (position.get(b.node) ?? -1));
}

/** Whether an unknown delivery belongs on the page: on the newest alone, and not below its end. */
function belongs(summary) {
  if (cursor !== '' || !matches(summary)) return false;
  if (rows.size < pageSize) return true;
  const oldest = [...rows.values()].at(-1).summary;
  return Date.parse(summary.created_at) > Date.parse(oldest.created_at);
}

/** Marks the delivery that is open beside the list. */
export function showOpened(id) {
  opened = id;
  markOpened();
}

/** Puts the focus on the row of a delivery, or on the list's first row. */
export function focusRow(id) {
  (rows.get(id) ?? rows.values().next().value)?.link.focus();
}

/** Shows the newest page. */
export function showNewest() {
  cursor = '';
  skipped = 0;
  return read();
}

/** Reads again what is shown. */
export const reread = read;

function showOlder() {
  skipped += rows.size;
  cursor = next;
  byId('rows').scrollTop = 0;
  return read().then(() => focusRow(''));
}

function readFilters() {
  const data = new FormData(byId('filters'));
  filter = { status: data.get('status'), type: data.get('type'), agent_id: data.get('agent_id'), text: data.get('text').trim() };
  showNewest();
}

/** Arrow keys, Home and End go from row to row. */
function onKey(event) {
  const links = [...byId('rows').querySelectorAll('a')];
  const at = links.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: links.length - 1 }[event.key];
  if (at < 0 || to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  links[Math.min(Math.max(to, 0), links.length - 1)].focus();
}

export function startList() {
  const form = byId('filters');
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('change', readFilters);
  let typing = 0;
  byId('filter-text').addEventListener('input', () => {
    clearTimeout(typing);
    typing = setTimeout(readFilters, 200);
  });
  byId('rows').addEventListener('keydown', onKey);
  byId('page-newest').addEventListener('click', showNewest);
  byId('page-older').addEventListener('click', showOlder);
  return read();
}
