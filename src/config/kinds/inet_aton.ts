/**
 * The IPv4 address that C's `inet_aton` reads: one to four parts in decimal, octal (`010`) or
 * hexadecimal (`0x0a`), the last of which fills the bytes left. Miredo takes these; we name what was
 * meant, so that the operator can write it in full.
 *
 * @returns an unsigned 32-bit number, or undefined
 */
export function inetAton(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length > 4) return undefined;
  let address = 0;
  for (const [i, part] of parts.entries()) {
    const value = readPart(part);
    const last = i === parts.length - 1;
    const bytes = last ? 4 - i : 1;
    if (value === undefined || value >= 256 ** bytes) return undefined;
    address = address * 256 ** bytes + value;
  }
  return address;
}

function readPart(text: string): number | undefined {
  if (/^0x[0-9a-f]{1,8}$/i.test(text)) return Number(text);
  if (/^0[0-7]{0,11}$/.test(text)) return parseInt(text, 8);
  return /^[1-9][0-9]{0,9}$/.test(text) ? Number(text) : undefined;
}
