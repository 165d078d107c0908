import type { System } from "#ffi/layout.ts";
import type { Libc } from "#ffi/libc.ts";
import type { Words } from "../words.ts";

const FIND_PORT: Readonly<Partial<Record<System, Words["findPort"]>>> = {
  "FreeBSD": (port) => `sockstat -4l -P udp -p ${port}`,
  "OpenBSD": (port) => `fstat | grep ':${port}'`,
  "NetBSD": (port) => `sockstat -4l -p ${port}`,
  "DragonFly BSD": (port) => `sockstat -4l | grep ':${port} '`,
};

export function wordsOf({ layout }: Pick<Libc, "layout">): Words {
  return {
    addAddress: (address, interfaceName) =>
      `ifconfig ${interfaceName} inet ${address} netmask 255.255.255.255 alias`,
    findPort: FIND_PORT[layout.system]!,
  };
}
