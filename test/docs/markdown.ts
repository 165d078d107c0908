import { readFileSync } from "node:fs";

/** The fenced blocks of a document in one language, in their order. */
export function blocksOf(path: string, language: string): string[] {
  // In a list they are indented.
  const fence = new RegExp(`^ *\`\`\`${language}\\n([^]*?)^ *\`\`\`$`, "gm");
  return [...readFileSync(path, "utf8").matchAll(fence)].map((match) => match[1]!);
}

/** What links to a heading of a document end in, behind `#`. */
export function anchorsOf(path: string): string[] {
  const text = readFileSync(path, "utf8").replace(/^```[^]*?^```$/gm, "");
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!.toLowerCase().replace(/[^\w\- ]/g, "").replaceAll(" ", "-")
  );
}
