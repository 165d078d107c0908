import type { StatusDocument } from "./document.ts";

/** `capabilities, landlock, seccomp`, then one line for each that does not hold, and why. */
export function sandboxTexts({ sandbox }: Partial<Pick<StatusDocument, "sandbox">>): string[] {
  // A daemon of an older version does not tell.
  if (sandbox === undefined) return [];
  const all = Object.entries(sandbox.layers);
  const holds = all.filter(([, { holds }]) => holds);
  const notes = new Map<string, string[]>();
  for (const [name, { holds, note }] of all) {
    if (!holds) notes.set(note ?? "", [...notes.get(note ?? "") ?? [], name]);
  }
  return [
    holds.length === 0
      ? "none"
      : holds.map(([name, { note }]) => note === undefined ? name : `${name} (${note})`).join(", "),
    ...[...notes].map(([note, names]) => `no ${names.join(", ")}${note === "" ? "" : `: ${note}`}`),
  ];
}
