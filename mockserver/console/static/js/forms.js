// Fields with labels, and the problems that the mock finds in them, each at its field.

import { byId, el, say } from './dom.js';

let serial = 0;

/** A labelled control. Hint is a sentence below it. */
export function field(label, control, hint) {
  const id = (control.id ||= `field-${++serial}`);
  const note = hint && el('p', { class: 'hint', id: `${id}-hint` }, hint);
  if (note) control.setAttribute('aria-describedby', note.id);
  return el('div', { class: 'field' }, el('label', { for: id }, label), control, note);
}

/** A group of checkboxes. Choices are [value, label, title]. */
export function checks(legend, name, choices, checked = []) {
  return el('fieldset', { class: 'field' }, el('legend', {}, legend), el('div', { class: 'checks' }, choices.map(([value, label, title]) => el('label', { title },
    el('input', { type: 'checkbox', name, value, checked: checked.includes(value) }), el('span', {}, label)))));
}

/** The place where a form says what is wrong with it. */
export const problemLine = () => el('p', { class: 'form-problem', role: 'alert' });

/** Takes the marks of an earlier refusal away. */
function clearProblems(form) {
  say(form.querySelector('.form-problem'), '');
  for (const control of form.querySelectorAll('[aria-invalid]')) {
    control.removeAttribute('aria-invalid');
    const problem = byId(`${control.id}-problem`);
    problem?.remove();
    describe(control);
  }
}

/** Says what was refused: at the field where there is one, and in the form's line. */
function showProblems(form, error) {
  const rest = [];
  for (const { field: name, msg } of error.problems ?? []) {
    const control = form.elements.namedItem(name.split('.')[0]);
    if (!(control instanceof HTMLElement)) rest.push(name ? `${name}: ${msg}` : msg);
    else if (!control.hasAttribute('aria-invalid')) mark(control, msg);
  }
  if (!error.problems?.length) rest.push(error.message);
  say(form.querySelector('.form-problem'), rest.join('; '));
  form.querySelector('[aria-invalid]')?.focus();
}

function mark(control, msg) {
  control.setAttribute('aria-invalid', 'true');
  control.after(el('p', { class: 'problem', id: `${control.id}-problem` }, msg));
  describe(control);
}

function describe(control) {
  const ids = [`${control.id}-problem`, `${control.id}-hint`].filter(byId);
  if (ids.length) control.setAttribute('aria-describedby', ids.join(' '));
  else control.removeAttribute('aria-describedby');
}

/** Submits a form by an action that gets its FormData. The button waits as long as the action runs. */
export function onSubmit(form, action) {
  form.noValidate = true;
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const button = event.submitter ?? form.querySelector('[type="submit"]');
    if (button?.getAttribute('aria-disabled') === 'true') return;
    clearProblems(form);
    button?.setAttribute('aria-disabled', 'true');
    try {
      await action(new FormData(form));
    } catch (error) {
      showProblems(form, error);
    } finally {
      button?.removeAttribute('aria-disabled');
    }
  });
}
