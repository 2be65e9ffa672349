/**
 * Finds and makes elements of the page. Values from the network are inserted as text, never as HTML.
 *
 * @module
 */

/** @throws {TypeError} without an element of this id and type: a bug */
export function byId<T extends Element>(id: string, type: abstract new () => T): T {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new TypeError(`no ${type.name} with the id ${id}`);
  return element;
}

export interface Parts {
  readonly class?: string | undefined;
  readonly title?: string | undefined;
}

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

/** Sets text only if it differs, so that selection and screen readers are not disturbed. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Sets text without line breaks inside an option, such as `--port=9000`. */
export function setTextWithOptions(element: Element, text: string): void {
  if (element.textContent === text) return;
  const parts = text.split(/(--[a-z][\w=-]*)/);
  element.replaceChildren(
    ...parts.map((part, at) => at % 2 === 0 ? part : make("code", { class: "option" }, part)),
  );
}

/** Shows text, or hides the element. */
export function setNotice(element: HTMLElement, text: string | undefined): void {
  setText(element, text ?? "");
  element.hidden = text === undefined;
}

/**
 * Sets `aria-disabled`, because the attribute `disabled` would take the keyboard focus away.
 * {@linkcode ignoreDisabled} prevents clicks.
 */
export function setDisabled(button: HTMLButtonElement, isDisabled: boolean): void {
  button.setAttribute("aria-disabled", String(isDisabled));
}

/** Ignores clicks on such buttons, which includes Enter in their forms. */
export function ignoreDisabled(): void {
  document.addEventListener("click", (event) => {
    const { target } = event;
    if (!(target instanceof Element) || target.closest('[aria-disabled="true"]') === null) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, { capture: true });
}

/** Calls `action` instead of submitting the form. */
export function onSubmit(form: HTMLFormElement, action: () => void): void {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    action();
  });
}
