// Times, durations, sizes and numbers as people read them. Times are UTC, like the platform's.

const numbers = new Intl.NumberFormat('en');

export const count = (n) => numbers.format(n);
export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

/** HH:MM:SS, with milliseconds when asked. */
export function clockTime(at, millis = false) {
  return new Date(at).toISOString().slice(11, millis ? 23 : 19);
}

/** YYYY-MM-DD HH:MM:SS UTC. */
export function fullTime(at) {
  return `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** A time of the list: the hour today, the date as well on other days. */
export function listTime(at, now) {
  const iso = new Date(at).toISOString();
  return iso.slice(0, 10) === new Date(now).toISOString().slice(0, 10) ? iso.slice(11, 19) : `${iso.slice(5, 10)} ${iso.slice(11, 19)}`;
}

const units = [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];

/** A span of seconds in its two largest units: "1 h 5 min". */
export function span(seconds) {
  let rest = Math.round(Math.abs(seconds));
  if (rest === 0) return '0 s';
  const parts = [];
  for (const [size, unit] of units) {
    const n = Math.floor(rest / size);
    if (n > 0) parts.push(`${count(n)} ${unit}`);
    else if (parts.length > 0) break;
    rest -= n * size;
    if (parts.length === 2) break;
  }
  return parts.join(' ');
}

/** Milliseconds as a measurement: "3.4 ms", "1.25 s". */
export function took(ms) {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return `${(ms / 1000).toFixed(2)} s`;
}

/** A size in bytes: "412 bytes", "6.0 MiB". */
export function size(bytes) {
  if (bytes < 10240) return plural(bytes, 'byte');
  if (bytes < 1 << 20) return `${(bytes / 1024).toFixed(1)} KiB`;
  return `${(bytes / (1 << 20)).toFixed(1)} MiB`;
}

const reasons = {
  200: 'OK', 201: 'Created', 202: 'Accepted', 204: 'No Content', 301: 'Moved Permanently', 302: 'Found', 304: 'Not Modified',
  307: 'Temporary Redirect', 308: 'Permanent Redirect', 400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found',
  405: 'Method Not Allowed', 408: 'Request Timeout', 409: 'Conflict', 410: 'Gone', 413: 'Content Too Large',
  415: 'Unsupported Media Type', 422: 'Unprocessable Content', 429: 'Too Many Requests', 500: 'Internal Server Error',
  502: 'Bad Gateway', 503: 'Service Unavailable', 504: 'Gateway Timeout',
};

/** A status with its usual words. */
export const httpStatus = (code) => (reasons[code] ? `${code} ${reasons[code]}` : String(code));

/** Cuts a text in the middle of nothing: at a length, with an ellipsis. */
export const clip = (text, length) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);
