/**
 * Step 1: the user, by a login at the mock issuer or by a pasted token.
 *
 * @module
 */

import { CloseCode } from "../../gateway/protocol/codes.ts";
import type { Controller } from "../controller.ts";
import { byId, make, onSubmit, setNotice, setText } from "../dom.ts";
import type { State } from "../state.ts";
import { formatCountdown, parseNames, plural, visible } from "../text.ts";
import { type View, viewOf } from "./view.ts";

/** The users of the second tab and of the first. */
const USERS = ["bob", "alice"] as const;
/** More channels are folded. */
const MAX_CHANNELS = 12;

const SHOWN = [
  "settings",
  "settingsProblem",
  "identity",
  "loginProblem",
  "tokenWanted",
  "close",
] as const;
type Shown = Pick<State, typeof SHOWN[number]>;

export function loginView(controller: Controller): View {
  const user = byId("login-user", HTMLInputElement);
  const preset = new URLSearchParams(location.search).get("user");
  user.value = preset ?? USERS[1];
  nameSecondTab(user.value);
  user.addEventListener("input", () => nameSecondTab(user.value));
  const expires = byId("login-expires", HTMLInputElement);
  onSubmit(byId("login-form", HTMLFormElement), () => {
    void controller.logIn({
      user: user.value,
      channels: parseNames(byId("login-channels", HTMLInputElement).value),
      expiresInS: expires.valueAsNumber,
    });
  });
  const pasted = byId("paste-token", HTMLTextAreaElement);
  onSubmit(byId("paste-form", HTMLFormElement), () => {
    const token = pasted.value.trim();
    if (token === "") return;
    controller.paste(token);
    // A secret must not stay visible.
    pasted.value = "";
  });
  return viewOf(SHOWN, render, tick);
}

/** The link logs the other user in. */
function nameSecondTab(current: string): void {
  const other = USERS.find((name) => name !== current) ?? USERS[0];
  const link = byId("second-tab", HTMLAnchorElement);
  link.href = `?user=${other}`;
  setText(byId("second-tab-user", HTMLElement), other);
}

function render(
  { settings, settingsProblem, identity, loginProblem, tokenWanted, close }: Shown,
): void {
  const paste = byId("paste", HTMLDetailsElement);
  byId("login-form", HTMLFormElement).hidden = settings?.canLogIn !== true;
  if (settings?.canLogIn === false || tokenWanted !== undefined) paste.open = true;
  setNotice(byId("settings-problem", HTMLElement), settingsProblem);
  setText(byId("version", HTMLElement), settings?.version ?? "");
  setNotice(
    byId("login-problem", HTMLElement),
    tokenWanted === undefined ? loginProblem?.text : wanted(tokenWanted, close),
  );
  byId("identity", HTMLElement).hidden = identity === undefined;
  byId("login", HTMLElement).classList.toggle("done", identity !== undefined);
  // Distinguishes the tabs of two users.
  const title = "E-Magine Gateway console";
  document.title = identity?.user === undefined ? title : `${visible(identity.user)} · ${title}`;
  setText(byId("identity-user", HTMLElement), identity?.user ?? "not said in the token");
  showChannels(identity?.channels ?? []);
}

/** Folds a long list, which would hide everything else. */
function showChannels(channels: readonly string[]): void {
  const box = byId("identity-channels", HTMLElement);
  const names = channels.join(", ") || "none";
  if (channels.length <= MAX_CHANNELS) return setText(box, names);
  const count = plural(channels.length, "channel");
  if (box.textContent === `${count}${names}`) return;
  box.replaceChildren(make("details", {}, make("summary", {}, count), names));
}

/** The reason why the client waits for a token. */
function wanted(why: NonNullable<State["tokenWanted"]>, close: State["close"]): string {
  const isRefused = why === "refused" && close?.explained.code === CloseCode.IdentifyFailed.code;
  const reason = isRefused && close.reason !== "" ? `: ${close.reason}` : "";
  const what = isRefused ? `The gateway refused the token${reason}.` : "The token runs out.";
  return `${what} Paste a new one: the client waits for it.`;
}

function tick({ identity, session }: State, now: number): void {
  // The session's own token, which differs while a fault lets it expire.
  const expiresAt = session.expiresAt ?? identity?.expiresAt;
  const left = expiresAt === undefined
    ? "not said in the token"
    : expiresAt <= now
    ? "has expired"
    : formatCountdown(expiresAt - now);
  setText(byId("identity-expires", HTMLElement), left);
}
