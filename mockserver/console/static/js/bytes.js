// Exact bytes: as text where they are UTF-8, and as a hex dump.

import { el, fill } from './dom.js';
import { plural, size } from './format.js';

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const lossy = new TextDecoder('utf-8', { ignoreBOM: true });

let preferred = 'text'; // what was last chosen, for the next body
let serial = 0;

/** The bytes of a base64 text; none for null. */
export function decode(base64) {
  return Uint8Array.from(atob(base64 ?? ''), (c) => c.charCodeAt(0));
}

/** The text of bytes that are valid UTF-8 without NUL, else null. */
export function textOf(bytes) {
  try {
    const text = strict.decode(bytes);
    return text.includes('\0') ? null : text;
  } catch {
    return null;
  }
}

/** A hex dump: offset, bytes, and the printable ASCII characters. */
export function hexDump(bytes, width = 16) {
  const lines = [];
  for (let at = 0; at < bytes.length; at += width) {
    const row = bytes.subarray(at, at + width);
    const hex = Array.from(row, (b) => b.toString(16).padStart(2, '0')).join(' ').padEnd(width * 3 - 1);
    const ascii = Array.from(row, (b) => (b >= 32 && b < 127 ? String.fromCharCode(b) : '.')).join('');
    lines.push(`${at.toString(16).padStart(6, '0')}  ${hex}  ${ascii}`);
  }
  return lines.join('\n');
}

/** How many bytes a line of a hex dump has room for. */
function columnsOf(pre) {
  const { fontSize, paddingLeft } = getComputedStyle(pre);
  const characters = (pre.clientWidth - 2 * Number.parseFloat(paddingLeft)) / (0.605 * Number.parseFloat(fontSize));
  return pre.clientWidth > 0 && characters < 73 ? 8 : 16;
}

/**
 * A body with its switch between text and hex. what names it to screen readers; total is its whole size where only the
 * beginning was kept. Returns {toggle, view}.
 */
export function bodyView(bytes, what, total = 0) {
  const text = textOf(bytes);
  const pre = el('pre', { tabindex: 0, role: 'region', 'aria-label': what });
  const name = `body-form-${++serial}`;
  let form = text === null ? 'hex' : preferred;
  let drawn = '';
  const draw = () => {
    const columns = form === 'hex' ? columnsOf(pre) : 0;
    if (drawn === form + columns) return;
    drawn = form + columns;
    pre.className = `wire ${form}`;
    pre.textContent = form === 'hex' ? hexDump(bytes, columns) : text ?? lossy.decode(bytes);
  };
  new ResizeObserver(draw).observe(pre);
  const choice = (value, label) => el('label', {}, el('input', {
    type: 'radio', name, value, checked: value === form, 'aria-label': `${what} as ${value}`,
    on: { change: () => { form = preferred = value; draw(); } },
  }), el('span', {}, label));
  const toggle = el('fieldset', { class: 'toggle' }, el('legend', { class: 'hidden' }, `Form of the ${what}`), choice('text', 'Text'), choice('hex', 'Hex'));
  draw();
  if (bytes.length === 0) return { toggle: null, view: el('p', { class: 'muted small' }, 'The body is empty.') };
  return { toggle, view: el('div', { class: 'stack' }, pre, sizeNote(bytes.length, total, text === null)) };
}

function sizeNote(kept, total, binary) {
  const parts = [total > kept ? `The first ${size(kept)} of ${size(total)}` : plural(kept, 'byte')];
  if (binary) parts.push('no valid UTF-8 text');
  return el('p', { class: 'muted small' }, parts.join(', '));
}

/** Header fields as a list, the values as they are. */
export function headerList(headers) {
  const list = el('dl', { class: 'headers' });
  for (const [name, values] of Object.entries(headers ?? {})) {
    for (const value of values) list.append(el('dt', {}, name), el('dd', {}, value));
  }
  if (!list.firstChild) fill(list, el('dt', {}, 'No headers'));
  return list;
}

/** The values of a header by its name, however it is written. */
export function headerValues(headers, name) {
  const wanted = name.toLowerCase();
  return Object.entries(headers ?? {}).filter(([key]) => key.toLowerCase() === wanted).flatMap(([, values]) => values);
}
