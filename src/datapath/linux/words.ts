import type { Words } from "../words.ts";

export const LINUX_WORDS: Words = {
  addAddress: (address, interfaceName) => `ip addr add ${address}/32 dev ${interfaceName}`,
  findPort: (port) => `ss -ulpn 'sport = :${port}'`,
};
