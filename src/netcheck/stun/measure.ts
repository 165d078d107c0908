import { resolveIpv4 } from "#src/probe/sockets.ts";
import type { Endpoint } from "#src/probe/contract.ts";
import { isUnicast } from "#src/protocol/wire/ipv4.ts";
import { type Answer, ask, openWire, randomBytes, type Wire } from "../measure/wire.ts";
import type { StunSeen, View } from "../contract.ts";
import {
  type Binding,
  bindingRequest,
  CHANGE_BOTH,
  CHANGE_NOTHING,
  CHANGE_PORT,
  readBinding,
  STUN_PORT,
  TRANSACTION_LENGTH,
} from "./message.ts";

/** What a filter keeps out is not waited for as long. */
const CHANGED_PATIENCE = [0, 500, 1_500];

/** A STUN server as a user names it. */
export interface StunServer {
  readonly host: string;
  readonly port: number | undefined;
}

/**
 * How a STUN server sees us, and whether what it sends from elsewhere comes in.
 *
 * Mapping and filtering have a socket each: what was sent to the other address would open the filter.
 */
export async function measureStun(
  { host, port = STUN_PORT }: StunServer,
  localAddress: number,
): Promise<StunSeen> {
  const address = (await resolveIpv4(host))[0];
  const name = port === STUN_PORT ? host : `${host}:${port}`;
  if (address === undefined) return { ...SILENT, name, address };
  const to = { address, port };
  const [mapping, filtering] = [await openWire(localAddress), await openWire(localAddress)];
  try {
    const seen = await Promise.all([measureMapping(mapping, to), measureFiltering(filtering, to)]);
    return { name, address, ...seen[0], ...seen[1] };
  } finally {
    await Promise.all([mapping.close(), filtering.close()]);
  }
}

type Filtering = Pick<StunSeen, "canChange" | "changedBothCameIn" | "changedPortCameIn">;

const NOT_FILTERED: Filtering = {
  canChange: false,
  changedBothCameIn: undefined,
  changedPortCameIn: undefined,
};
const SILENT = {
  first: undefined,
  otherAddress: undefined,
  otherBoth: undefined,
  ...NOT_FILTERED,
};

/** RFC 5780 §4.3 */
async function measureMapping(
  wire: Wire,
  to: Endpoint,
): Promise<Pick<StunSeen, "first" | "otherAddress" | "otherBoth">> {
  const first = await bindingOf(wire, to);
  const other = first && otherOf(first.value, to);
  if (other === undefined) return { ...SILENT, first: viewOf(first) };
  const otherAddress = await bindingOf(wire, { address: other.address, port: to.port });
  const otherBoth = await bindingOf(wire, other);
  return {
    first: viewOf(first),
    otherAddress: viewOf(otherAddress),
    otherBoth: viewOf(otherBoth),
  };
}

/** RFC 5780 §4.4 */
async function measureFiltering(wire: Wire, to: Endpoint): Promise<Filtering> {
  const first = await bindingOf(wire, to);
  const other = first && otherOf(first.value, to);
  if (other === undefined) return NOT_FILTERED;
  const otherPort = { address: to.address, port: other.port };
  const both = await changed(wire, to, CHANGE_BOTH, other);
  const port = await changed(wire, to, CHANGE_PORT, otherPort);
  // One that answers from where it was asked does not do what it was asked for.
  const canChange = both !== "unchanged" && port !== "unchanged";
  if (!canChange) return NOT_FILTERED;
  return {
    canChange,
    // Last, as who is asked is let in.
    changedBothCameIn: await cameIn(wire, both, other),
    changedPortCameIn: await cameIn(wire, port, otherPort),
  };
}

/** Whether what `from` was to send came in; undefined: it cannot be reached when asked itself. */
async function cameIn(
  wire: Wire,
  how: "in" | "out" | "unchanged",
  from: Endpoint,
): Promise<boolean | undefined> {
  if (how === "in") return true;
  return await bindingOf(wire, from) === undefined ? undefined : false;
}

async function changed(
  wire: Wire,
  to: Endpoint,
  change: number,
  expected: Endpoint,
): Promise<"in" | "out" | "unchanged"> {
  const transaction = randomBytes(TRANSACTION_LENGTH);
  const question = () => wire.send(bindingRequest(transaction, change), to);
  const answer = await ask(wire, question, (b, from) => {
    if (readBinding(b, transaction) === undefined) return undefined;
    if (isSame(from, expected)) return "in";
    return isSame(from, to) ? "unchanged" : undefined;
  }, CHANGED_PATIENCE);
  return answer?.value ?? "out";
}

function bindingOf(wire: Wire, to: Endpoint): Promise<Answer<Binding> | undefined> {
  const transaction = randomBytes(TRANSACTION_LENGTH);
  const question = () => wire.send(bindingRequest(transaction, CHANGE_NOTHING), to);
  return ask(wire, question, (b, from) => {
    return isSame(from, to) ? readBinding(b, transaction) : undefined;
  });
}

/** The server's other address, if it is one that may be sent to. */
function otherOf({ other }: Binding, to: Endpoint): Endpoint | undefined {
  if (other === undefined || !isUnicast(other.address) || other.port === 0) return undefined;
  return other.address === to.address || other.port === to.port ? undefined : other;
}

function viewOf(answer: Answer<Binding> | undefined): View | undefined {
  return answer && { mapped: answer.value.mapped, rtt: answer.rtt };
}

function isSame(a: Endpoint, b: Endpoint): boolean {
  return a.address === b.address && a.port === b.port;
}
