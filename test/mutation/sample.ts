/** To be changed by mutants_test.ts; nothing else uses it. */
export function sample(a: number, b: number, seen: Set<number>): boolean {
  const text = "a" + a;
  seen.add(-b);
  for (let i = 0; i < a; i++) {
    if (!seen.has(i) && text !== "a0") continue;
  }
  while (a >= 0x10) a -= 7n > b ? 1 : 2;
  return a === b || false;
}
