/**
 * Buttons that copy text.
 *
 * @module
 */

/** The time for which a button shows the result. */
const NOTE_MS = 1500;

export interface CopyOptions {
  /** Returns the text when the button is clicked. */
  readonly text: () => string;
  /** Called with the result. */
  readonly announce: (text: string) => void;
}

/** Makes a button copy text and show the result. */
export function onCopy(button: HTMLButtonElement, { text, announce }: CopyOptions): void {
  const label = button.textContent;
  let timer: number | undefined;
  button.addEventListener("click", async () => {
    const isCopied = await copy(text());
    announce(isCopied ? "Copied." : "Not copied: the browser does not allow it.");
    button.textContent = isCopied ? "Copied" : "Not copied";
    clearTimeout(timer);
    timer = setTimeout(() => button.textContent = label, NOTE_MS);
  });
}

async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Plain HTTP from another machine has no clipboard API.
    return copySelected(text);
  }
}

function copySelected(text: string): boolean {
  const { activeElement } = document;
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  if (activeElement instanceof HTMLElement) activeElement.focus({ preventScroll: true });
  return isCopied;
}
