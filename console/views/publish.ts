/**
 * Step 3: publishes as the app's backend does, and shows what it is answered. What was entered stays as it
 * is, whatever the answer.
 *
 * @module
 */

import type { Publication } from "../api.ts";
import type { Controller } from "../controller.ts";
import { byId, onSubmit, setDisabled, setNotice } from "../dom.ts";
import { formatTime, messageOf } from "../text.ts";
import { type View, viewOf } from "./view.ts";

/** Draws the form and sends what is in it. */
export function publishView(controller: Controller): View {
  const form = byId("publish-form", HTMLFormElement);
  const author = byId("publish-author", HTMLInputElement);
  let isAuthorGiven = false;
  author.addEventListener("input", () => isAuthorGiven = true);
  let key = "";
  form.addEventListener("input", () => {
    showTarget(form);
    const problem = contentProblem(form);
    // In place as soon as it is wrong, and gone as soon as it is right.
    setContentProblem(problem);
  });
  onSubmit(form, () => void send(controller, form, key));
  showTarget(form);
  return viewOf(["settings", "identity"], ({ settings, identity }) => {
    const given = settings?.publishKey;
    byId("publish-key-label", HTMLElement).hidden = settings === undefined || given !== undefined;
    key = given ?? "";
    // The author is the user until somebody enters another.
    const user = identity?.user ?? valueOf("login-user");
    if (!isAuthorGiven && author.value !== user) author.value = user;
  });
}

async function send(controller: Controller, form: HTMLFormElement, key: string): Promise<void> {
  const result = byId("publish-result", HTMLElement);
  const button = byId("publish-submit", HTMLButtonElement);
  setNotice(result, undefined);
  const wrong = contentProblem(form);
  setContentProblem(wrong);
  if (wrong !== undefined) return byId("publish-content", HTMLTextAreaElement).focus();
  // Once for each click that was meant.
  setDisabled(button, true);
  try {
    const { id, time } = await controller.publish(publicationOf(form, key));
    byId("publish", HTMLElement).classList.add("done");
    setNotice(result, `201: kept as ${id} at ${formatTime(time)}.`);
  } catch (error) {
    setNotice(byId("publish-problem", HTMLElement), messageOf(error));
  } finally {
    setDisabled(button, false);
  }
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
    key: key === "" ? valueOf("publish-key") : key,
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

function setContentProblem(problem: string | undefined): void {
  setNotice(byId("publish-problem", HTMLElement), problem);
  const content = byId("publish-content", HTMLTextAreaElement);
  content.setAttribute("aria-invalid", String(problem !== undefined));
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
