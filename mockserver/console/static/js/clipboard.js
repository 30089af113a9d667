// Copying to the clipboard, also where the page has no secure origin and thus no clipboard API.

import { el } from './dom.js';
import { notify, complain } from './notices.js';

async function write(text) {
  if (navigator.clipboard && isSecureContext) return navigator.clipboard.writeText(text);
  const area = el('textarea', { class: 'hidden', 'aria-hidden': 'true' });
  area.value = text;
  const focused = document.activeElement;
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  focused?.focus();
  if (!done) throw new Error('the browser does not allow copying');
  return undefined;
}

/** Makes a button that copies what text() returns; what names it in its label and in the notice. */
export function copyButton(label, what, text, props = {}) {
  const onClick = async () => {
    try {
      await write(text());
      notify(`Copied ${what}`);
    } catch (error) {
      complain(error);
    }
  };
  return el('button', { type: 'button', class: 'button small', 'aria-label': `Copy ${what}`, ...props, on: { click: onClick } }, label);
}
