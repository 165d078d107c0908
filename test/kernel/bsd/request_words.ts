import { textOf } from "../memory.ts";
import type { RequestWords } from "../vocabulary.ts";
import { type Numbers, SIOCGIFAFLAG_IN6, SIZEOF_IN6_IFREQ } from "./numbers.ts";

const IFNAMSIZ = 16;

/** How the requests of one system read: `TUNSIFHEAD 1`, `SIOCSIFNAME tun0`. */
export function requestWords(numbers: Numbers): RequestWords[] {
  const { FIONBIO, TUNSIFHEAD, TUNSIFMODE, TUNSTRANSIENT, TUNGIFNAME } = numbers;
  const { SIOCGIFFLAGS, SIOCGIFMEDIA, SIOCGIFMTU, SIOCGIFINFO_IN6, SIOCIFDESTROY, SIOCSIFNAME } =
    numbers;
  const name = (bytes: Uint8Array) => textOf(bytes.subarray(0, IFNAMSIZ));
  const ofInt = (request: number | undefined, text: string) =>
    request === undefined ? [] : [{ request, text, size: 4 }];
  const ofName = (request: number | undefined, text: string) =>
    request === undefined ? [] : [{ request, text, size: numbers.SIZEOF_IFREQ, before: name }];
  return [
    ...ofInt(FIONBIO, "FIONBIO"),
    ...ofInt(TUNSIFHEAD, "TUNSIFHEAD"),
    ...ofInt(TUNSIFMODE, "TUNSIFMODE"),
    ...ofInt(TUNSTRANSIENT, "TUNSTRANSIENT"),
    ...ofName(SIOCGIFFLAGS, "SIOCGIFFLAGS"),
    ...ofName(SIOCGIFMTU, "SIOCGIFMTU"),
    ...ofName(SIOCGIFMEDIA, "SIOCGIFMEDIA").map((it) => ({
      ...it,
      size: SIOCGIFMEDIA >>> 16 & 0x1fff,
    })),
    ...ofName(SIOCGIFINFO_IN6, "SIOCGIFINFO_IN6").map((it) => ({ ...it, size: 72 })),
    ...ofName(SIOCGIFAFLAG_IN6, "SIOCGIFAFLAG_IN6").map((it) => ({
      ...it,
      size: SIZEOF_IN6_IFREQ,
    })),
    ...ofName(SIOCIFDESTROY, "SIOCIFDESTROY"),
    ...ofName(SIOCSIFNAME, "SIOCSIFNAME"),
    ...ofName(TUNGIFNAME, "TUNGIFNAME").map((it) => ({ ...it, before: () => "", after: name })),
  ];
}
