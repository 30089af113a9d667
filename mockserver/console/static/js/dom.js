// Building and updating the page. Strings only ever become text nodes: there is no way from here to markup.

/** Makes an element. Props: class, on (listeners), dataset, or attributes; false, null and undefined are left out. */
export function el(tag, props, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === false || value === null || value === undefined) continue;
    if (name === 'class') node.className = value;
    else if (name === 'on') for (const [type, listener] of Object.entries(value)) node.addEventListener(type, listener);
    else if (name === 'dataset') Object.assign(node.dataset, value);
    else node.setAttribute(name, value === true ? '' : value);
  }
  append(node, children);
  return node;
}

/** Appends nodes and strings, through nested arrays; null, undefined and false are left out. */
function append(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) node.append(child);
  }
}

/** Replaces what is in a node, and keeps the focus on the element of the same data-key. */
export function fill(node, ...children) {
  const key = node.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  node.replaceChildren();
  append(node, children);
  if (key) node.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
}

/** Sets a node's text where it differs, so that screen readers hear changes alone. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** The element of an id, which the page is known to have. */
export const byId = (id) => document.getElementById(id);

/** Fills a select with options [value, label], and keeps what was chosen. */
export function options(select, list) {
  const chosen = select.value;
  select.replaceChildren(...list.map(([value, label]) => el('option', { value }, label)));
  if (list.some(([value]) => value === chosen)) select.value = chosen;
}
