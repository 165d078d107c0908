import { RS_TIMEOUT } from "#src/protocol/client/messages/solicitation.ts";
import { formatIpv4, parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { formatIpv6, parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import { SERVICE_PREFIX } from "#src/protocol/wire/teredo_address.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { ProbeEvent, ProbeOptions } from "./contract.ts";
import { drive } from "./drive.ts";
import { narrate } from "./narrate.ts";
import { formatEndpoint, type ProbeOutcome, record } from "./outcome.ts";
import { bind, type Bound, closed, localAddressTowards, ownIpv4, resolveIpv4 } from "./sockets.ts";
import { whyNoServer, whyNoTarget } from "./target.ts";

/** The probe's command line. */
export interface ProbeRunOptions {
  /** IPv4 address or name of the server. */
  readonly server: string;
  /** Default: the server's address + 1. */
  readonly secondary?: string | undefined;
  /** IPv6 address to ping; undefined: qualification is all. */
  readonly ping?: string | undefined;
  /** Pings in all; default 5. */
  readonly count?: number | undefined;
  /** Milliseconds between two; default 1000. */
  readonly interval?: Millis | undefined;
  /** UDP port to send from; default: the kernel picks. */
  readonly port?: number | undefined;
  readonly json?: boolean | undefined;
}

export interface ProbeIo {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  /** Prints what was found, for programs. */
  writeJson(document: object): void;
}

/** @returns 0 when the server, and the host to ping if one is given, answered; 1 otherwise */
export async function runProbe(options: ProbeRunOptions, io: ProbeIo): Promise<number> {
  const asked = await readOptions(options);
  if (typeof asked === "string") return refuse(asked, io);
  let own: Bound;
  let cone: Bound;
  try {
    const address = await localAddressTowards(asked.serverAddress);
    own = await bind(address, options.port ?? 0);
    cone = await bind(address, 0);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    const look = `ip route get ${formatIpv4(asked.serverAddress)}`;
    return refuse(`No UDP socket towards ${options.server}: ${problem}; look at: ${look}`, io);
  }
  const full = {
    ...asked,
    local: own.local,
    coneLocal: cone.local,
    ownAddresses: ownIpv4(),
  };
  const outcome = emptyOutcome(full);
  const report = (event: ProbeEvent) => {
    record(outcome, event, full);
    if (!options.json) say(event, io);
  };
  await drive({ own: own.socket, cone: cone.socket }, full, report);
  await Promise.all([closed(own.socket), closed(cone.socket)]);
  conclude(outcome, options.json === true, io);
  return outcome.reachable ? 0 : 1;
}

function refuse(problem: string, io: ProbeIo): number {
  io.stderr.write(`${problem}\n`);
  return 1;
}

/** The options as numbers and bytes, or what is wrong with them. */
async function readOptions(
  options: ProbeRunOptions,
): Promise<Omit<ProbeOptions, "local" | "coneLocal" | "ownAddresses"> | string> {
  const serverAddress = (await resolveIpv4(options.server))[0];
  const problem = whyNoServer(options.server, serverAddress);
  if (serverAddress === undefined || problem !== undefined) return problem!;
  const secondaryAddress = options.secondary === undefined
    ? serverAddress + 1 // where clients expect it
    : parseIpv4(options.secondary);
  if (secondaryAddress === undefined) return `${options.secondary} is not an IPv4 address`;
  const target = options.ping === undefined ? undefined : parseIpv6(options.ping);
  if (options.ping !== undefined) {
    if (target === undefined) return `${options.ping} is not an IPv6 address`;
    const fault = whyNoTarget(options.ping, target, SERVICE_PREFIX);
    if (fault !== undefined) return fault;
  }
  return {
    serverAddress,
    secondaryAddress,
    prefix: SERVICE_PREFIX,
    refuseReserved: false,
    target,
    pings: Math.max(1, options.count ?? 5),
    pingInterval: options.interval ?? 1_000,
    answerTimeout: RS_TIMEOUT,
  };
}

function emptyOutcome(options: ProbeOptions): ProbeOutcome {
  return {
    server: formatIpv4(options.serverAddress),
    secondary: formatIpv4(options.secondaryAddress),
    local: formatEndpoint(options.local),
    reachable: false,
    ...(options.target === undefined ? {} : { target: formatIpv6(options.target) }),
    pings: [],
    pings_lost: 0,
  };
}

function say(event: ProbeEvent, io: ProbeIo): void {
  const line = narrate(event);
  if (line !== undefined) io.stdout.write(`${line}\n`);
}

function conclude(outcome: ProbeOutcome, json: boolean, io: ProbeIo): void {
  if (json) {
    io.writeJson(outcome);
    return;
  }
  if (outcome.failure !== undefined) {
    const { problem, mend } = outcome.failure;
    io.stderr.write(`Not reachable: ${problem}; ${mend}\n`);
    return;
  }
  if (outcome.target === undefined) return;
  const sent = outcome.pings.length + outcome.pings_lost;
  io.stdout.write(
    `${outcome.target} answered ${outcome.pings.length} of ${sent} pings through relay ` +
      `${outcome.relay}\n`,
  );
}
