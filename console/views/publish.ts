/**
 * Step 3: publishes as the app's backend does, and shows the answer. The form keeps its values.
 *
 * @module
 */

import type { Publication } from "../api.ts";
import type { Controller } from "../controller.ts";
import { onCopy } from "../copy.ts";
import { byId, onSubmit, setDisabled, setNotice } from "../dom.ts";
import type { Published, State } from "../state.ts";
import { formatTime, messageOf } from "../text.ts";
import { type View, viewOf } from "./view.ts";

const SHOWN = ["settings", "identity", "publishProblem", "published"] as const;

/** The development key, or the one that was entered; may be empty. */
export function publishKeyOf(settings: State["settings"]): string {
  return settings?.publishKey ?? valueOf("publish-key");
}

export function publishView(controller: Controller): View {
  const form = byId("publish-form", HTMLFormElement);
  const author = byId("publish-author", HTMLInputElement);
  let isAuthorGiven = false;
  author.addEventListener("input", () => isAuthorGiven = true);
  let given: State["settings"];
  const draft = (): Publication => publicationOf(form, publishKeyOf(given));
  onSubmit(form, () => void send(controller, form, draft));
  const curl = byId("publish-curl", HTMLButtonElement);
  onCopy(curl, {
    text: () => controller.curlOf(draft()),
    announce: (text) => controller.announce(text),
  });
  form.addEventListener("input", () => {
    showTarget(form);
    controller.editPublication();
    showProblem(contentProblem(form));
    setDisabled(curl, contentProblem(form) !== undefined);
  });
  const submit = byId("publish-submit", HTMLButtonElement);
  submit.addEventListener("click", (event) => {
    // A double click publishes one message.
    if (event.detail === 2) event.preventDefault();
  });
  byId("publish-content", HTMLTextAreaElement).addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit.click();
  });
  showTarget(form);
  return viewOf(SHOWN, ({ settings, identity, publishProblem, published }) => {
    showProblem(contentProblem(form), publishProblem?.text);
    setNotice(byId("publish-result", HTMLElement), published && resultOf(published));
    // A message that never arrives here does not complete the step.
    const isDone = published !== undefined && published.arrival.is !== "missed";
    if (isDone) byId("publish", HTMLElement).classList.add("done");
    given = settings;
    byId("publish-key-label", HTMLElement).hidden = settings === undefined ||
      settings.publishKey !== undefined;
    // The author is the user unless another was entered.
    const user = identity?.user ?? valueOf("login-user");
    if (!isAuthorGiven && author.value !== user) author.value = user;
  });
}

async function send(
  controller: Controller,
  form: HTMLFormElement,
  draft: () => Publication,
): Promise<void> {
  const button = byId("publish-submit", HTMLButtonElement);
  // Cleared first, so that the next answer is recognized as new.
  setNotice(byId("publish-result", HTMLElement), undefined);
  const wrong = contentProblem(form);
  showProblem(wrong);
  if (wrong !== undefined) return byId("publish-content", HTMLTextAreaElement).focus();
  setDisabled(button, true);
  await controller.publish(draft());
  setDisabled(button, false);
}

function resultOf({ id, time, arrival }: Published): string {
  const stored = `201: stored as ${id} at ${formatTime(time)}.`;
  return arrival.is === "here" ? stored : `${stored}\n${arrival.why}`;
}

function publicationOf(form: HTMLFormElement, key: string): Publication {
  const target = chosen(form, "target");
  const content = valueOf("publish-content");
  return {
    target: target === "channel"
      ? { channel: valueOf("publish-channel") }
      : target === "user"
      ? { user: valueOf("publish-user") }
      : "everyone",
    author: valueOf("publish-author"),
    contentJson: chosen(form, "format") === "json" ? content : JSON.stringify(content),
    key,
  };
}

/** Validates the content before it is sent. */
function contentProblem(form: HTMLFormElement): string | undefined {
  if (chosen(form, "format") !== "json") return undefined;
  try {
    JSON.parse(valueOf("publish-content"));
    return undefined;
  } catch (error) {
    return `The content is not JSON: ${messageOf(error)}`;
  }
}

/** A problem of the content hides an answer to an earlier one. */
function showProblem(wrong: string | undefined, refused?: string): void {
  setNotice(byId("publish-problem", HTMLElement), wrong ?? refused);
  const content = byId("publish-content", HTMLTextAreaElement);
  content.setAttribute("aria-invalid", String(wrong !== undefined));
}

function showTarget(form: HTMLFormElement): void {
  const target = chosen(form, "target");
  byId("publish-channel-label", HTMLElement).hidden = target !== "channel";
  byId("publish-user-label", HTMLElement).hidden = target !== "user";
}

function chosen(form: HTMLFormElement, name: string): string {
  return String(new FormData(form).get(name));
}

function valueOf(id: string): string {
  const field = document.getElementById(id);
  return field instanceof HTMLTextAreaElement || field instanceof HTMLInputElement
    ? field.value
    : "";
}
