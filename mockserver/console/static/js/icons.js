// Shapes that stand beside words. They are never the only carrier of a meaning, so screen readers skip them.

const paths = {
  succeeded: ['M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18Z', 'm8 12 3 3 5-6'],
  failed: ['M8 3h8l5 5v8l-5 5H8l-5-5V8Z', 'm9 9 6 6', 'm15 9-6 6'],
  pending: ['M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18Z', 'M12 7v5l3 2'],
  fault: ['m13 3-8 11h6l-1 7 8-11h-6Z'],
};

/** Makes the icon of a name. */
export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  for (const d of paths[name]) {
    const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
    path.setAttribute('d', d);
    svg.append(path);
  }
  return svg;
}
