import type { Millis } from "#src/protocol/time.ts";
import type { Config, ProcessConfig, Role, SecretConfig } from "./config.ts";
import type { Problems } from "./problems.ts";
import { ENTRIES, type Entry, type Section, SECTIONS } from "./settings.ts";
import type { Given } from "./syntax/mod.ts";

/** A setting's value, read as its type, before defaults that depend on other settings. */
export interface Resolved {
  readonly value: unknown;
  /** `file:line`, or the flag; undefined: the default. */
  readonly origin: string | undefined;
}

/** By `section.key`, every setting. */
export type Values = ReadonlyMap<string, Resolved>;

/** Reads each text as its setting's type; later ones win, so flags come last. */
export function resolve(given: readonly Given[], problems: Problems): Values {
  const values = new Map<string, Resolved>(
    ENTRIES.map((entry) => [entry.id, { value: entry.default, origin: undefined }]),
  );
  for (const { entry, text, name, origin, syntax } of given) {
    const parsed = entry.kind.parse(text, syntax);
    // A flag is its own name.
    const where = origin === name ? origin : `${origin}: ${name}`;
    if ("problem" in parsed) {
      problems.error(where, parsed.problem);
      continue;
    }
    if (parsed.warning !== undefined) problems.notice(where, parsed.warning);
    values.set(entry.id, { value: parsed.value, origin });
  }
  derive(values);
  return values;
}

/** Defaults that other settings change. */
function derive(values: Map<string, Resolved>): void {
  deriveHoldBytes(values);
  deriveDrainTime(values);
}

/** BGP takes a while to lead traffic elsewhere. */
function deriveDrainTime(values: Map<string, Resolved>): void {
  const drainTime = values.get("relay.drain_time")!;
  if (drainTime.origin !== undefined || values.get("relay.announce")!.value !== true) return;
  values.set("relay.drain_time", { ...drainTime, value: ANNOUNCED_DRAIN_TIME });
}

/** A packet of the interface's MTU fits into what is held for one client, unless told otherwise. */
function deriveHoldBytes(values: Map<string, Resolved>): void {
  const held = values.get("relay.hold_bytes")!;
  if (held.origin !== undefined) return;
  const mtu = values.get("relay.interface_mtu")!.value as number;
  values.set("relay.hold_bytes", { ...held, value: Math.max(held.value as number, mtu) });
}

const ANNOUNCED_DRAIN_TIME: Millis = 10_000;

/** What the settings do not hold themselves. */
export interface Surroundings {
  readonly file: string | undefined;
  readonly role: Role;
  readonly secrets: readonly SecretConfig[];
  /** Of the client; undefined: none is to be shown. */
  readonly secret?: SecretConfig | undefined;
  /** Of the status pages. */
  readonly token: string | undefined;
}

/** TCP port of the status pages, when none is configured. */
export const STATUS_PORT: Readonly<Record<Role, number>> = {
  relay: 9545,
  server: 9544,
  client: 9546,
};
const PROCESS_FIELDS: readonly string[] = [
  "user",
  "chroot",
  "pidFile",
  "sandbox",
] satisfies (keyof ProcessConfig)[];

/** The typed configuration, complete and frozen in depth. */
export function assemble(
  values: Values,
  { file, role, secrets, secret, token }: Surroundings,
): Config {
  const config = { file, ...Object.fromEntries(SECTIONS.map((s) => [s, sectionOf(s, values)])) };
  const { relay, server, client, status, log } = config as Config;
  return freeze({
    file,
    relay,
    server: { ...server, bindAddress2: server.bindAddress2 ?? next(server.bindAddress), secrets },
    client: { ...client, servers: client.servers ?? [], secret },
    status: { ...status, port: status.port ?? STATUS_PORT[role], token },
    log,
  });
}

function sectionOf(section: Section, values: Values): Record<string, unknown> {
  const ofSection = ENTRIES.filter((entry) => entry.section === section);
  const pick = (entries: readonly Entry[]) =>
    Object.fromEntries(entries.map((entry) => [entry.field, values.get(entry.id)!.value]));
  const own = pick(ofSection.filter((entry) => !PROCESS_FIELDS.includes(entry.field)));
  const process = ofSection.filter((entry) => PROCESS_FIELDS.includes(entry.field));
  return process.length === 0 ? own : { ...own, process: pick(process) };
}

/** The address behind `address`, unless there is none. */
function next(address: number | undefined): number | undefined {
  return address === undefined || address === 0xffffffff ? undefined : address + 1;
}

function freeze<T>(value: T): T {
  // The elements of a typed array cannot be frozen.
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
  for (const inner of Object.values(value)) freeze(inner);
  return Object.freeze(value);
}
