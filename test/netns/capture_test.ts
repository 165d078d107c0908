import assert from "node:assert/strict";
import test from "node:test";
import { Lab } from "#src/demo/lab.ts";
import { IPV4_LINK, SERVER_ADDRESS } from "#src/demo/topology.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { bubble, concat, nonceOnly, teredo } from "#test/protocol/packets.ts";
import { Capture } from "./capture.ts";

test("Capture takes what has an authentication for Teredo, though GTP's port sends it", async () => {
  const port = 2_152;
  const lab = await Lab.create({ nats: ["none"], checksums: true });
  try {
    const capture = await Capture.start(lab, IPV4_LINK);
    const source = teredo(parseIpv4(lab.sites[0]!.publicAddress)!, port);
    const datagram = concat(nonceOnly(), bubble(source, "2001:db8:1::2"));
    const octal = [...datagram].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
    await lab.sh("cli0", `printf '${octal}' | nc -u -w1 -p ${port} ${SERVER_ADDRESS} 3544`);
    await capture.stop();
    assert.equal(await capture.count("teredo && ipv6.nxt == 59 && !icmp"), 1);
    assert.deepEqual(await capture.complaints("udp && !icmp"), []);
  } finally {
    await lab.close();
  }
});
