/** Text as roff: a sentence a line, code in bold, nothing taken for a request. */
export function roff(text: string): string {
  return text.replace(/\s+/g, " ").replaceAll("\\", "\\e").replaceAll("-", "\\-")
    .replace(/`([^`]*)`/g, "\\fB$1\\fR")
    .replace(/([.:;]) (?=[A-Z])/g, "$1\n")
    .replace(/^(?=[.'])/gm, "\\&");
}

/** Paragraphs, which empty lines part. */
export function paragraphs(text: string, request: ".PP" | ".IP"): string {
  return text.split("\n\n").map(roff).join(`\n${request}\n`);
}
