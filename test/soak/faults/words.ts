/** Text of a program as code in Markdown, whatever backticks it has. */
export function code(text: string): string {
  const plain = text.trim();
  if (!plain.includes("`")) return `\`${plain}\``;
  const blank = /^`|`$/.test(plain) ? " " : "";
  return `\`\`${blank}${plain}${blank}\`\``;
}

/** `1 bubble`, `2 bubbles`: words that take an s. */
export function several(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
