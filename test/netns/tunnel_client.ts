import process from "node:process";
import { openLibc } from "#ffi/open.ts";
import type { ClientRules } from "#src/datapath/datapath.ts";
import { openClient } from "#src/datapath/start/client.ts";
import { HOMES_MAX } from "#src/datapath/homes.ts";
import type { ToldStatus } from "#src/datapath/client/news.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";

/**
 * A program of its own, run inside a namespace: a client's datapath without the daemon around it.
 *
 *     tunnel_client.ts PLAN    a TunnelClientPlan as JSON
 *
 * It gives its interface what the thread tells, and prints {@link TunnelClientLine}s as JSON, one each
 * time that something new is told. At SIGHUP it goes by its rules for later, and prints "rules". It stops
 * at SIGTERM, and prints "ended" when its thread has.
 */
export interface TunnelClientPlan {
  readonly discovery: boolean;
  readonly rules: ClientRules;
  readonly later: ClientRules;
}

/** A status in words. */
export interface TunnelClientLine {
  readonly state: ToldStatus["state"];
  readonly address: string | undefined;
  readonly mapped: string | undefined;
  readonly server: string | undefined;
  readonly nat: ToldStatus["nat"];
  readonly randomPorts: number;
  /** How old what it tells of as changed is, in ms. */
  readonly changedAgo: number;
}

const UPKEEP_MS = 200;

function lineOf(status: ToldStatus): TunnelClientLine {
  const { state, address, mapped, server, nat, randomPorts, changedAt } = status;
  return {
    state,
    address: address && formatIpv6(address),
    mapped: mapped && `${formatIpv4(mapped.address)}:${mapped.port}`,
    server: server && formatIpv4(server.primary),
    nat,
    randomPorts,
    changedAgo: Date.now() - changedAt,
  };
}

const { discovery, rules, later }: TunnelClientPlan = JSON.parse(process.argv[2] ?? "{}");
const open = openClient(await openLibc(), {
  interfaceName: "teredo",
  bindAddress: 0,
  bindPort: 0,
  socketBuffer: 1 << 20,
  offloads: true,
  home: { metric: 1_000_000, sourceRouting: true },
  discovery,
  record: true,
  rules,
});
const keeper = open.keep!(true);
const datapath = await open.start();
const client = datapath.client!;

const heed = () => {
  const status = client.status();
  if (status === undefined) return;
  console.log(JSON.stringify(lineOf(status)));
  const { address, deprecated, mtu } = status;
  const current = address === undefined ? [] : [{ bytes: address, deprecated: false }];
  const addresses = [...current, ...deprecated.map((bytes) => ({ bytes, deprecated: true }))];
  const isThere = address !== undefined;
  keeper.setHome({
    addresses: addresses.slice(0, HOMES_MAX),
    onLink: isThere,
    defaultRoute: isThere,
    mtu,
  });
};
const unwatch = client.onChange(heed);
heed();
const upkeep = setInterval(() => {
  for (const it of keeper.look(performance.now())) console.error(JSON.stringify(it));
}, UPKEEP_MS);

process.on("SIGHUP", () => console.log(`rules ${datapath.setRules(later)}`));
process.once("SIGTERM", () => void datapath.stop());
await datapath.ended;
unwatch();
clearInterval(upkeep);
keeper.close();
console.log("ended");
process.exit(0);
