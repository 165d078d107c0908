/** What is asked for cannot be understood; the message names the parameter and what it should be. */
export class BadParameters extends Error {}

/** Each parameter of a query by its name. @throws BadParameters for one that is unknown, or given twice */
export function onlyOf<T extends string>(
  parameters: URLSearchParams,
  names: readonly T[],
): Readonly<Partial<Record<T, string>>> {
  const found: Partial<Record<T, string>> = {};
  for (const [name, value] of parameters) {
    const known = names.find((it) => it === name);
    if (known === undefined) throw new BadParameters(`Parameters are ${names.join(", ")}`);
    if (found[known] !== undefined) throw new BadParameters(`${known}: given twice`);
    found[known] = value;
  }
  return found;
}
