// An attempt as a curl command that sends the same headers and the same bytes.

import { textOf } from './bytes.js';

/** Quotes a text for a POSIX shell. */
export const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** The command. A body that a shell cannot carry as text travels as base64. */
export function curlCommand(url, headers, body, base64) {
  const text = textOf(body);
  const lines = ['curl -i -X POST ' + quote(url)];
  for (const [name, values] of Object.entries(headers ?? {})) {
    if (['content-length', 'transfer-encoding', 'host', 'connection'].includes(name.toLowerCase())) continue;
    for (const value of values) lines.push(`-H ${quote(value === '' ? `${name};` : `${name}: ${value}`)}`);
  }
  if (text === null) {
    lines.push('--data-binary @-');
    return `printf %s ${quote(base64)} | base64 -d | ${lines.join(' \\\n  ')}`;
  }
  lines.push(`--data-raw ${quote(text)}`);
  return lines.join(' \\\n  ');
}
