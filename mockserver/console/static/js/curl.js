// An attempt as a curl command that sends the same headers and the same bytes.

import { textOf } from './bytes.js';

/** Quotes a text for a POSIX shell. */
export const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** The command. Without a method it is a POST. whole is the body's size where only its beginning was kept. A body that a shell cannot carry as text travels as base64. */
export function curlCommand(method, url, headers, body, base64, whole = 0) {
  const text = textOf(body);
  const lines = [`curl -i -X ${method || 'POST'} ${quote(url)}`];
  for (const [name, values] of Object.entries(headers ?? {})) {
    if (['content-length', 'transfer-encoding', 'host', 'connection'].includes(name.toLowerCase())) continue;
    for (const value of values) lines.push(`-H ${quote(value === '' ? `${name};` : `${name}: ${value}`)}`);
  }
  const note = whole > body.length ? `# This body is cut: its first ${body.length} of ${whole} bytes.\n` : '';
  lines.push(text === null ? '--data-binary @-' : `--data-raw ${quote(text)}`);
  const command = lines.join(' \\\n  ');
  return note + (text === null ? `printf %s ${quote(base64)} | base64 -d | ${command}` : command);
}
