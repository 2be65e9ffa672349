/**
 * The page's elements: found by their id, and made. Whatever comes from the network goes into the page as
 * text; nothing here takes HTML.
 *
 * @module
 */

/** The element of the page with this id. @throws {TypeError} if there is none of this kind: a bug */
export function byId<T extends Element>(id: string, type: abstract new () => T): T {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new TypeError(`no ${type.name} with the id ${id}`);
  return element;
}

/** What an element is made with. */
export interface Parts {
  readonly class?: string | undefined;
  readonly title?: string | undefined;
}

/** A new element around text and other elements. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  parts: Parts = {},
  ...children: readonly (Node | string | undefined)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (parts.class !== undefined) element.className = parts.class;
  if (parts.title !== undefined) element.title = parts.title;
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

/** Sets text where it differs, so that what is selected or read aloud is not disturbed. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Sets text in which no line breaks within an option, such as `--port=9000`. */
export function setTextWithOptions(element: Element, text: string): void {
  if (element.textContent === text) return;
  const parts = text.split(/(--[a-z][\w=-]*)/);
  element.replaceChildren(
    ...parts.map((part, at) => at % 2 === 0 ? part : make("code", { class: "option" }, part)),
  );
}

/** Shows text, and hides the element where there is none. */
export function setNotice(element: HTMLElement, text: string | undefined): void {
  setText(element, text ?? "");
  element.hidden = text === undefined;
}

/**
 * Says whether a button does anything. It stays where the keyboard is, which a button that is `disabled`
 * does not; {@linkcode ignoreDisabled} keeps it from being used.
 */
export function setDisabled(button: HTMLButtonElement, isDisabled: boolean): void {
  button.setAttribute("aria-disabled", String(isDisabled));
}

/** Lets buttons do nothing that say so; the Enter key in a form is a click on its button. */
export function ignoreDisabled(): void {
  document.addEventListener("click", (event) => {
    const { target } = event;
    if (!(target instanceof Element) || target.closest('[aria-disabled="true"]') === null) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, { capture: true });
}

/** Calls `action` when the form is sent, which then goes nowhere. */
export function onSubmit(form: HTMLFormElement, action: () => void): void {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    action();
  });
}
