import assert from "node:assert/strict";
import { EINTR, EPERM } from "#ffi/posix.ts";
import { icmpv6 } from "../protocol/packets.ts";
import { toHex, vector } from "../protocol/vectors.ts";
import { assertDatagram, type Life, type Step } from "./life.ts";
import type { Endpoint } from "./network.ts";
import { CLIENT_ADDRESS, CLIENT_AT, RELAY_AT, SECONDARY_AT, SERVER_AT } from "./scene.ts";
import { forwarded } from "./relay_steps.ts";

/** An echo request of the client, to whom RFC 4380 §5.2.9 tests the way; and one to nowhere. */
const ECHO = vector("E1");
const LOST_ECHO = icmpv6(128, CLIENT_ADDRESS, "2001:db9::1");
const SOLICITATION = vector("R2");
const ADVERTISEMENT = vector("M2");

/** How a system lets a server's native packets out. */
export interface NativeWays {
  /**
   * Through a TUN of its own, from where the kernel forwards them and tells of no failure; else
   * through a raw socket, as they are.
   */
  readonly isForwarded: boolean;
}

const from = (life: Life, bytes: Uint8Array, to: Endpoint = SERVER_AT, sender = CLIENT_AT) =>
  life.backend.sendDatagram({ from: sender, to, data: bytes.slice() });

/** A server's days: solicitations, bubbles, and tests of the IPv6 Internet. RFC 4380 §5.3 */
export function serverSteps(ways: NativeWays): Step[] {
  return [...answering(), ...passing(ways), ...refusing()];
}

function answering(): Step[] {
  const cases: readonly (readonly [string, string, Endpoint, Endpoint])[] = [
    ["R2", "M2", SERVER_AT, SERVER_AT],
    ["R2", "M2", SECONDARY_AT, SECONDARY_AT],
    // A cone is proven by an answer from the other address. RFC 4380 §5.2.1
    ["R1", "M1", SERVER_AT, SECONDARY_AT],
    ["R1", "M1", SECONDARY_AT, SERVER_AT],
    ["X1", "X2", SERVER_AT, SERVER_AT],
  ];
  return [
    ...cases.map(([asked, answer, to, source]): Step => ({
      name: `${asked} to ${to.address}`,
      does: (life) => from(life, vector(asked), to),
      wakes: [to === SERVER_AT ? "udp" : "udp2"],
      datagrams: 1,
      check: (_, { datagrams: [sent] }) => assertDatagram(sent, source, CLIENT_AT, vector(answer)),
    })),
    {
      name: "both addresses at once, and what is no Teredo",
      does: (life) => {
        from(life, SOLICITATION);
        from(life, new Uint8Array(0));
        from(life, SOLICITATION, SECONDARY_AT);
      },
      wakes: ["udp", "udp2"],
      datagrams: 2,
      check: (life, { datagrams }) => {
        assertDatagram(datagrams[0], SERVER_AT, CLIENT_AT, ADVERTISEMENT);
        assertDatagram(datagrams[1], SECONDARY_AT, CLIENT_AT, ADVERTISEMENT);
        assert.equal(life.drops("Truncated"), 1);
      },
    },
  ];
}

function passing({ isForwarded }: NativeWays): Step[] {
  const bubble = vector("B2");
  return [
    {
      name: "a relay's bubble for a client",
      does: (life) => from(life, bubble.subarray(8), SECONDARY_AT, RELAY_AT),
      wakes: ["udp2"],
      datagrams: 1,
      check: (_, { datagrams: [sent] }) => assertDatagram(sent, SERVER_AT, CLIENT_AT, bubble),
    },
    {
      name: "an echo request to the IPv6 Internet",
      does: (life) => from(life, ECHO),
      wakes: ["udp"],
      packets: 1,
      check: (_, { packets }) => {
        assert.deepEqual(packets, [toHex(isForwarded ? forwarded(ECHO) : ECHO)]);
      },
    },
    {
      name: "an echo request to where nothing leads",
      does: (life) => from(life, LOST_ECHO),
      wakes: ["udp"],
      check: (life) => assert.equal(life.drops("SendFailed"), isForwarded ? 0 : 1),
    },
  ];
}

function refusing(): Step[] {
  const isSend = (given: string) => given.startsWith("udp, {");
  const answered: Step = {
    name: "",
    wakes: ["udp"],
    datagrams: 1,
    check: (_, { datagrams: [sent] }) => assertDatagram(sent, SERVER_AT, CLIENT_AT, ADVERTISEMENT),
  };
  const refused = (life: Life, errno: number) => {
    life.backend.transcript.inject({ errno, match: isSend });
    from(life, SOLICITATION);
  };
  return [
    {
      name: "a send buffer that is full",
      does: (life) => refused(life, life.backend.libc.layout.EAGAIN),
      wakes: ["udp"],
      check: (life) => assert.equal(life.drops("SendQueueFull"), 1),
    },
    {
      ...answered,
      name: "a device that is full for a moment",
      does: (life) => refused(life, life.backend.libc.layout.ENOBUFS),
    },
    {
      ...answered,
      name: "a send that is interrupted",
      does: (life) => refused(life, EINTR),
    },
    {
      name: "a firewall's verdict",
      does: (life) => {
        const before = life.drops("SendFailed");
        refused(life, EPERM);
        assert.equal(life.drops("SendFailed"), before);
      },
      wakes: ["udp"],
      check: (life) => assert.ok(life.drops("SendFailed") >= 1),
    },
    {
      name: "a wait that a signal interrupts",
      does: (life) => {
        life.backend.transcript.inject({ call: "poll", errno: EINTR });
        from(life, SOLICITATION);
      },
    },
    { ...answered, name: "the wait after it" },
  ];
}

/** The last one: what had arrived when the stop was asked for is still answered. */
export const LATE_SOLICITATION: Step = {
  name: "a solicitation just before the end",
  does: (life) => {
    from(life, SOLICITATION);
    life.stop();
  },
  wakes: ["udp", "wake"],
  datagrams: 1,
  check: (_, { datagrams: [sent] }) => assertDatagram(sent, SERVER_AT, CLIENT_AT, ADVERTISEMENT),
};
