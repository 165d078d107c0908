import type { Endpoint } from "#src/probe/contract.ts";
import type { FreshSeen } from "./contract.ts";
import type { AssignmentWord, PreservationWord } from "./verdict.ts";

export interface Ports {
  readonly preservation: PreservationWord;
  readonly assignment: AssignmentWord;
}

/**
 * From one port to the next of a NAT that counts: 1 or 2 by RFC 6081 §2, and more where others behind it
 * got some in between.
 */
const MAX_STEP = 4;
const MIN_STEPS = 3;
/** Of the steps; the others were those of a pool that begins again, or of busy neighbours. */
const SEQUENTIAL_SHARE = 2 / 3;

/** How a NAT gives out ports, from sockets that each had its first mapping. RFC 4787 §4.2, RFC 6081 §2 */
export function judgePorts(fresh: readonly FreshSeen[]): Ports {
  const preservation = judgePreservation(fresh);
  if (preservation === "unknown") return { preservation, assignment: "unknown" };
  if (preservation === "yes") return { preservation, assignment: "preserved" };
  const steps = stepsOf(fresh);
  if (steps.length < MIN_STEPS) return { preservation, assignment: "unknown" };
  const small = steps.filter((step) => step >= 1 && step <= MAX_STEP).length;
  const assignment = small >= steps.length * SEQUENTIAL_SHARE ? "sequential" : "random";
  return { preservation, assignment };
}

function judgePreservation(fresh: readonly FreshSeen[]): PreservationWord {
  const firsts = fresh.filter(({ mapped }) => mapped.length > 0);
  if (firsts.length === 0) return "unknown";
  const kept = firsts.filter(({ localPort, mapped }) => mapped[0]!.port === localPort).length;
  if (kept === firsts.length) return "yes";
  return kept === 0 ? "no" : "some";
}

/** From each new mapping to the next; a socket that keeps its mapping makes no new one. */
function stepsOf(fresh: readonly FreshSeen[]): number[] {
  const ports = fresh.flatMap(({ mapped }) => withoutRepeats(mapped)).map(({ port }) => port);
  return ports.slice(1).map((port, i) => port - ports[i]!);
}

function withoutRepeats(mapped: readonly Endpoint[]): Endpoint[] {
  return mapped.filter((it, i) => i === 0 || it.port !== mapped[i - 1]!.port);
}
