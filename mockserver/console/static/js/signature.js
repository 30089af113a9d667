// How the signature of an attempt came about: the header's parts, the bytes that are signed, and their age. Nothing here
// needs the secret, and nothing computes what a right signature would be.

import { decode, headerValues, hexDump, textOf } from './bytes.js';
import { el } from './dom.js';
import { fullTime, plural, span } from './format.js';
import { platform } from './platform.js';

const preview = 2048; // bytes of the body that are shown as signed content

/** Reads the parts of a signature header: [{kind: "timestamp" | "value" | "other", tag, value}]. */
export function partsOf(value, scheme) {
  if (!scheme.tag) return [{ kind: 'value', tag: '', value }];
  return value.split(scheme.item_separator).map((item) => {
    const at = item.indexOf(scheme.tag_separator);
    if (at < 0) return { kind: 'other', tag: '', value: item };
    const tag = item.slice(0, at);
    const kinds = { [scheme.tag]: 'value', ...(scheme.timestamp_tag ? { [scheme.timestamp_tag]: 'timestamp' } : {}) };
    return { kind: kinds[tag] ?? 'other', tag, value: item.slice(at + scheme.tag_separator.length) };
  });
}

/** Splits a template such as "{timestamp}.{body}" into [{name} | {text}]. */
export function segmentsOf(content) {
  return content.split(/(\{[a-z]+\})/).filter(Boolean)
    .map((piece) => (/^\{[a-z]+\}$/.test(piece) ? { name: piece.slice(1, -1) } : { text: piece }));
}

/** Explains an attempt's signature in steps. */
export function explanation(attempt) {
  const scheme = platform.scheme(attempt.scheme);
  if (!scheme?.header) return el('p', { class: 'muted small' }, 'This request was not signed.');
  const { headers } = attempt.request;
  const values = headerValues(headers, scheme.header);
  const parts = values.map((value) => partsOf(value, scheme));
  const timestamp = timestampOf(headers, parts.flat(), scheme);
  return el('ol', { class: 'steps' },
    el('li', {}, headerStep(scheme, parts)),
    el('li', {}, timestampStep(scheme, timestamp)),
    el('li', {}, contentStep(attempt, scheme, timestamp.value)),
    el('li', {}, macStep(scheme)));
}

function headerStep(scheme, parts) {
  const lines = parts.map((list) => el('p', { class: 'wire text mono' }, el('span', { class: 'muted' }, `${scheme.header}: `),
    list.map(({ kind, tag, value }, i) => [i > 0 && scheme.item_separator,
      el('mark', { class: `part ${kind}` }, tag ? `${tag}${scheme.tag_separator}${value}` : value)])));
  const names = parts.flat().map(({ kind, tag }) => ({ timestamp: `${tag}= is the timestamp`, value: `${tag ? `${tag}= is` : 'it is'} a signature`, other: `${tag || 'an item'} is unknown and ignored` }[kind]));
  return el('div', {}, el('p', {}, parts.length ? `The header ${scheme.header} holds the signature. ` : `The header ${scheme.header} is missing, so there is no signature to check.`,
    parts.length > 1 && el('strong', {}, `It is there ${plural(parts.length, 'time')}: a receiver cannot tell which one counts.`)),
  lines, names.length > 0 && el('p', { class: 'legend' }, [...new Set(names)].join('; ')));
}

/** The timestamp as the scheme finds it: {value, from, all}. */
function timestampOf(headers, parts, scheme) {
  const inTag = parts.filter(({ kind }) => kind === 'timestamp').map(({ value }) => value);
  const inHeader = scheme.timestamp_header ? headerValues(headers, scheme.timestamp_header) : [];
  const all = [...new Set([...inTag, ...inHeader])];
  const from = [inTag.length > 0 && `${scheme.timestamp_tag}=`, inHeader.length > 0 && scheme.timestamp_header].filter(Boolean).join(' and ');
  return { value: all[0] ?? '', from, all };
}

function timestampStep(scheme, { value, from, all }) {
  if (!value) return el('div', {}, el('p', {}, scheme.timestamp_field ? `The time stands in the body, in ${scheme.timestamp_field}.` : 'There is no timestamp.'));
  const seconds = Number(value);
  return el('div', {}, el('p', {}, `The timestamp stands in ${from}: `, el('mark', { class: 'part timestamp mono' }, value),
    Number.isSafeInteger(seconds) && seconds < 1e11 ? `, ${fullTime(seconds * 1000)}.` : ', which is no usable time.'),
  all.length > 1 && el('p', { class: 'note' }, `There are ${all.length} different timestamps: ${all.join(', ')}.`),
  el('p', { class: 'muted', dataset: { signedAt: value } }, ageText(value)));
}

/** How old a timestamp is now, and what that means. Changes with the time. */
export function ageText(value) {
  const age = Date.now() / 1000 - Number(value);
  const { past_seconds: past, future_seconds: future } = platform.facts;
  if (!Number.isFinite(age)) return '';
  if (age < -future) return `${span(age)} ahead of this computer's clock: outside the usual window of ${span(future)}.`;
  if (age > past) return `${span(age)} old by now: outside the usual window of ${span(past)}. A copy sent now is refused as stale.`;
  return `${age < 0 ? `${span(age)} ahead of this computer's clock` : `${span(age)} old by now`}: within the usual window of ${span(past)}.`;
}

function contentStep(attempt, scheme, timestamp) {
  const id = scheme.id_header ? headerValues(attempt.request.headers, scheme.id_header)[0] ?? '' : '';
  const body = decode(attempt.request.body_base64);
  const shown = body.subarray(0, preview);
  const text = textOf(shown) ?? (body.length > preview ? textOf(trimmed(shown)) : null);
  const pieces = segmentsOf(scheme.content).map(({ name, text: literal }) => {
    if (name === 'body') return el('mark', { class: 'part body' }, text ?? `\n${hexDump(shown.subarray(0, 256))}`);
    if (name) return el('mark', { class: `part ${name}` }, { timestamp, id }[name] ?? `<${name}>`);
    return literal;
  });
  const whole = attempt.request.body_size || body.length;
  return el('div', {}, el('p', {}, 'A receiver checks it over these bytes: ', el('code', {}, scheme.content.replaceAll('{', '<').replaceAll('}', '>'))),
    el('pre', { class: `wire ${text === null ? 'hex' : 'text'}`, tabindex: 0, role: 'region', 'aria-label': 'Signed bytes', dataset: { role: 'signed' } }, pieces),
    el('p', { class: 'legend' }, scheme.content.includes('{timestamp}') ? el('span', {}, el('mark', { class: 'part timestamp' }, 'timestamp'), ' as it is written') : el('span', {}, 'The timestamp is not signed'),
      scheme.unsigned_body ? el('strong', {}, 'The body is not signed') : el('span', {}, el('mark', { class: 'part body' }, 'body'), ` raw, ${plural(whole, 'byte')}${whole > shown.length ? ', the beginning shown' : ''}; parsed and written again it would differ`)));
}

/** Cuts the bytes of a character that the preview has split. */
function trimmed(bytes) {
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, Math.max(0, end - 1));
}

function macStep(scheme) {
  const key = scheme.key_form === 'base64' ? `the secret after ${scheme.key_prefix || 'its prefix'}, decoded from base64` : `the whole secret${scheme.key_prefix ? `, ${scheme.key_prefix} included` : ''}`;
  const mac = scheme.algorithm === 'ed25519' ? 'Ed25519, checked with the public key' : `HMAC-SHA256 with ${key}, as key`;
  return el('div', {}, el('p', {}, `${mac}; written in ${scheme.encoding === 'hex' ? 'lower-case hex' : 'base64'}. `,
    scheme.algorithm === 'ed25519' ? 'Check every ' : 'Compare in constant time with every ', scheme.tag ? el('code', {}, `${scheme.tag}${scheme.tag_separator}`) : 'signature', '; one match is enough.'));
}
