import { INET6, SYSCTL } from "./inet6.ts";
import { ROUTE } from "./route.ts";
import type { Statement } from "./statement.ts";
import { TUN } from "./tun.ts";

/** All of docs/bsd-kernels.md, in its order. */
export const STATEMENTS: readonly Statement[] = [...TUN, ...ROUTE, ...INET6, ...SYSCTL];
