/**
 * URLs without what may be secret in them: user, password, query and fragment.
 *
 * For texts that people read, log lines and errors; a URL that is used never passes through here.
 *
 * @module
 */

/** Up to a blank or a quote, which a URL has encoded. The scheme is bounded so that no text takes long. */
const URLS = /\b[a-z][a-z0-9+.-]{0,20}:\/\/[^\s"<>]*/gi;

/** A whole text that is a URL, or was meant to be one. */
export function redactUrl(text: string): string {
  // Paths of packages may have an @ that is no secret.
  if (!/[@?#]/.test(text) || /^file:/i.test(text)) return text;
  const url = URL.parse(text);
  // A password that is not encoded may have moved on into the path; then nothing is safe to show.
  if (url === null || url.host === "" || /@/.test(url.pathname + url.search + url.hash)) {
    return `${/^[a-z][a-z0-9+.-]*:\/\//i.exec(text)?.[0] ?? ""}…`;
  }
  const user = url.username + url.password === "" ? "" : "…@";
  const rest = url.search + url.hash === "" ? "" : "?…";
  return `${url.protocol}//${user}${url.host}${url.pathname}${rest}`;
}

/** A text with URLs in it, such as the message of a failed fetch. */
export function redactUrls(text: string): string {
  return text.replace(URLS, redactUrl);
}
