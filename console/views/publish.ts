/**
 * Step 3: publishes as the app's backend does, and shows what it is answered. What was entered stays as it
 * is, whatever the answer.
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

/** The publish key: the one of a development start, or what is entered; empty if nothing is. */
export function publishKeyOf(settings: State["settings"]): string {
  return settings?.publishKey ?? valueOf("publish-key");
}

/** Draws the form and sends what is in it. */
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
    // In place as soon as it is wrong, and gone as soon as it is right.
    showProblem(contentProblem(form));
    setDisabled(curl, contentProblem(form) !== undefined);
  });
  const submit = byId("publish-submit", HTMLButtonElement);
  submit.addEventListener("click", (event) => {
    // The second click of a double click is a habit, and no second message.
    if (event.detail === 2) event.preventDefault();
  });
  byId("publish-content", HTMLTextAreaElement).addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit.click();
  });
  showTarget(form);
  return viewOf(SHOWN, ({ settings, identity, publishProblem, published }) => {
    showProblem(contentProblem(form), publishProblem?.text);
    setNotice(byId("publish-result", HTMLElement), published && resultOf(published));
    // What is never to be seen here is no step on the way to seeing it.
    const isDone = published !== undefined && published.arrival.is !== "missed";
    if (isDone) byId("publish", HTMLElement).classList.add("done");
    given = settings;
    byId("publish-key-label", HTMLElement).hidden = settings === undefined ||
      settings.publishKey !== undefined;
    // The author is the user until somebody enters another.
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
  // Gone at once, so that the next answer is known for what it is.
  setNotice(byId("publish-result", HTMLElement), undefined);
  const wrong = contentProblem(form);
  showProblem(wrong);
  if (wrong !== undefined) return byId("publish-content", HTMLTextAreaElement).focus();
  setDisabled(button, true);
  await controller.publish(draft());
  setDisabled(button, false);
}

function resultOf({ id, time, arrival }: Published): string {
  const kept = `201: kept as ${id} at ${formatTime(time)}.`;
  return arrival.is === "here" ? kept : `${kept}\n${arrival.why}`;
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

/** What is wrong with the content, before anybody is asked. */
function contentProblem(form: HTMLFormElement): string | undefined {
  if (chosen(form, "format") !== "json") return undefined;
  try {
    JSON.parse(valueOf("publish-content"));
    return undefined;
  } catch (error) {
    return `The content is not JSON: ${messageOf(error)}`;
  }
}

/** What is wrong with the content comes before what the gateway said of an earlier one. */
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
