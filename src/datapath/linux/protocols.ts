import { readdirSync } from "node:fs";
import { textOf } from "./proc.ts";

/** RTPROT_ of <linux/rtnetlink.h>, by the names that ip-route(8) has for them. */
const PROTOCOLS: ReadonlyMap<number, string> = new Map([
  [0, "unspec"],
  [1, "redirect"],
  [2, "kernel"],
  [3, "boot"],
  [4, "static"],
  [8, "gated"],
  [9, "ra"],
  [10, "mrt"],
  [11, "zebra"],
  [12, "bird"],
  [13, "dnrouted"],
  [14, "xorp"],
  [15, "ntk"],
  [16, "dhcp"],
  [17, "mrouted"],
  [18, "keepalived"],
  [42, "babel"],
  [84, "ovn"],
  [99, "openr"],
  [186, "bgp"],
  [187, "isis"],
  [188, "ospf"],
  [189, "rip"],
  [192, "eigrp"],
]);

const FOLDERS = ["/usr/share/iproute2", "/etc/iproute2"];

/** Who made a route: by this host's own table, else by the kernel's, else `187`. rt_protos of ip-route(8) */
export function protocolName(number: number): string {
  const texts = FOLDERS.flatMap((folder) => [
    textOf(`${folder}/rt_protos`),
    ...filesOf(`${folder}/rt_protos.d`).map(textOf),
  ]);
  return parseProtocols(texts.join("\n")).get(number) ?? PROTOCOLS.get(number) ?? String(number);
}

/** Lines such as `12 bird`, or with a number in hexadecimal; of two for one number the last stays. */
export function parseProtocols(text: string): Map<number, string> {
  const lines = text.matchAll(/^\s*(\d+|0x[0-9a-f]+)\s+([^\s#]+)/gim);
  return new Map([...lines].map(([, number, name]) => [Number(number), name!]));
}

function filesOf(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith(".conf")).sort()
      .map((name) => `${folder}/${name}`);
  } catch {
    return [];
  }
}
