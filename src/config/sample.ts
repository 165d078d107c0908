import { SECTION_DOCS } from "./schema/mod.ts";
import { ENTRIES, type Entry, SECTIONS } from "./settings.ts";
import { writeValue } from "./syntax/ini.ts";

const WIDTH = 98;

/** A documented file with every setting as a comment: loading it gives the defaults. */
export function sampleText(): string {
  const head = [
    "Configuration of teredo. Everything in it is a comment that shows the default; take away the",
    "`#` in front of what you change. `teredo config check FILE` tells what is wrong with it.",
  ];
  const sections = SECTIONS.map((section) => {
    const blocks = ENTRIES.filter((entry) => entry.section === section).map(blockOf);
    return `# ${SECTION_DOCS[section].replaceAll("`", "")}\n[${section}]\n\n${blocks.join("\n")}`;
  });
  return `${comment(head.join(" ").replaceAll("`", ""))}\n${sections.join("\n")}`;
}

function blockOf(entry: Entry): string {
  const facts = [
    `${entry.kind.name}: ${entry.kind.range}`,
    ...(entry.kind.unit === undefined ? [] : [entry.kind.unit]),
  ].join(", ");
  const text = `${entry.doc}\n\n${facts}.`.replaceAll("`", "");
  const paragraphs = text.split("\n\n").map((paragraph) => comment(paragraph));
  return `${paragraphs.join("")}${exampleOf(entry)}\n`;
}

function exampleOf(entry: Entry): string {
  if (entry.default !== undefined) {
    return `#${entry.key} = ${writeValue(entry.kind.format(entry.default))}`;
  }
  const words = entry.defaultText?.replaceAll("`", "");
  return words === undefined ? `#${entry.key} =` : `#${entry.key} =   # ${words}`;
}

function comment(text: string): string {
  return wrap(text, WIDTH).map((line) => `# ${line}\n`).join("");
}

/** Fills lines of at most `width` characters; does not break what stands between backticks. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.match(/(`[^`]*`|[^\s`])+/g) ?? []) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
