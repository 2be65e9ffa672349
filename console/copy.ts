/**
 * Buttons that copy text.
 *
 * @module
 */

/** How long a button says what came of it. */
const NOTE_MS = 1500;

/** What a button copies, and who has to know. */
export interface CopyOptions {
  /** The text, as it is when the button is used. */
  readonly text: () => string;
  /** Is told aloud what came of it. */
  readonly announce: (text: string) => void;
}

/** Lets a button copy text, and say so in its place. */
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
    // Over plain HTTP from another machine there is no such clipboard.
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
