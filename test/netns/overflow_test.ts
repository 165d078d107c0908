import assert from "node:assert/strict";
import test from "node:test";
import { Lab } from "#src/demo/lab.ts";
import { RELAY_ADDRESS, SERVER_ADDRESS } from "#src/demo/topology.ts";
import { metric, RELAY_PORT, startRelay, startServer, until } from "./programs.ts";

const OPTIONS = { timeout: 600_000 };
/** More than a buffer of 4 MiB has room for, whatever the kernel counts for each. */
const FLOOD = 40_000;
const CASES = [
  { role: "relay", place: "rly", pages: 9545, to: RELAY_ADDRESS, port: RELAY_PORT },
  { role: "server", place: "srv", pages: 9544, to: SERVER_ADDRESS, port: 3544 },
] as const;

/** Of a run that the kernel joined and threw away, which offloads allow, it counts one. */
const CONF = `[relay]
interface_name = teredo
bind_port = ${RELAY_PORT}
offloads = off
[server]
bind_address = ${SERVER_ADDRESS}
`;

/** Datagrams that reached a socket, and those that found no room in one. netstat(8) */
async function kernelCounts(lab: Lab, place: string): Promise<number[]> {
  const [names, values] = (await lab.sh(place, "grep ^Udp: /proc/net/snmp")).split("\n")
    .map((line) => line.split(" "));
  return ["InDatagrams", "RcvbufErrors"].map((name) => Number(values![names!.indexOf(name)]));
}

/** `count` datagrams of one byte. */
function flood(to: string, port: number, count: number): string[] {
  const script = `socket(S, PF_INET, SOCK_DGRAM, 17);
    $to = sockaddr_in(${port}, inet_aton("${to}"));
    send(S, "x", 0, $to) for 1 .. ${count};`;
  return ["perl", "-MSocket", "-e", script];
}

for (const { role, place, pages, to, port } of CASES) {
  test(`a ${role} counts each datagram that its socket had no room for`, OPTIONS, async () => {
    const lab = await Lab.create({ nats: ["none"] });
    try {
      const start = role === "relay" ? startRelay : startServer;
      const daemon = await start(lab, "teredo", CONF);
      daemon.kill("SIGSTOP");
      const { status, stderr } = await lab.run("cli0", flood(to, port, FLOOD));
      assert.equal(status, 0, stderr);
      daemon.kill("SIGCONT");
      let counted: readonly number[] = [];
      let judged: readonly number[] = [];
      await until("all that came is counted", async () => {
        // With the next datagram that finds room the kernel tells how many found none.
        await lab.run("cli0", flood(to, port, 1));
        counted = await Promise.all(
          [
            "teredo_udp_received_datagrams_total",
            `teredo_drops_total{reason="socket_overflow"}`,
          ].map((line) => metric(lab, place, pages, line)),
        );
        judged = await kernelCounts(lab, place);
        return counted.every((count, i) => count === judged[i]);
      }).catch(() => {});
      assert.deepEqual(counted, judged, "received and lost, as we and the kernel count them");
      assert.ok(judged[1]! > 0, "the socket had room for all");
    } finally {
      await lab.close();
    }
  });
}
