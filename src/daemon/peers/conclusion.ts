import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import type { CheckResult } from "../checks/result.ts";
import { type Followed, seconds, serverText } from "./steps.ts";
import type { Subject } from "./subject.ts";

/** One sentence. @param failed the first step that fails */
export function conclusionOf(
  subject: Subject,
  followed: Followed,
  failed: CheckResult | undefined,
): string {
  if (failed !== undefined) return `Packets do not pass: ${failed.detail}.`;
  if (subject.kind === "host") {
    return `Packets pass between clients and ${formatIpv6(subject.address)}.`;
  }
  const { client, row } = followed;
  const server = `by way of its server ${serverText(client)}`;
  if (row === undefined) {
    return subject.kind === "client"
      ? `Nothing here keeps packets from the client; the first one will have it asked ${server}.`
      : "Nothing here keeps packets from a client at this mapping, and no peer has it.";
  }
  if (row.resolving) {
    return `Packets wait for the client's answer to a bubble, of which ${row.bubblesSent} went out ${server}.`;
  }
  if (!row.trusted) {
    return `The client has not answered; the next packet will have it asked ${server}.`;
  }
  if (row.valid) return "Packets pass both ways.";
  return `The client has been silent for ${
    seconds(row.receivedAgo)
  }: the next packet waits for its ` +
    `answer to a bubble that goes ${server}.`;
}
