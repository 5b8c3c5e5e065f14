/**
 * What the page is made with. Text is only ever text: there is no way here to make HTML of it, and the page's
 * Content-Security-Policy (trusted types) refuses every other way.
 */

/** An element of index.html. Throws if it is not there or of another kind. */
export function byId<Kind extends Element>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`index.html has no ${kind.name} #${id}`);
  return found;
}

type Attributes = Readonly<Record<string, string>>;

/** Makes an element with attributes, and with elements and texts in it. */
export function make<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** Writes a text where it is another one: what stays the same is neither drawn nor read out again. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** The same for an attribute. */
export function setAttribute(element: Element, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** A button that does something, called so for those who hear it. */
export function button(text: string, label: string, onClick: () => void): HTMLButtonElement {
  const made = make('button', { type: 'button', 'aria-label': label }, text);
  made.addEventListener('click', onClick);
  return made;
}
