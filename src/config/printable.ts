/** `text` for one line of a terminal, a log or a comment: names of files hold what they like. */
export function printable(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, "\ufffd");
}
