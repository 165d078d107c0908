import assert from "node:assert/strict";
import test from "node:test";
import { icmpv6 } from "#test/protocol/packets.ts";
import { toHex } from "#test/protocol/vectors.ts";
import { type Answer, Device } from "./device.ts";
import { type HostName, HOSTS } from "./hosts.ts";
import { CLONING, FREEBSD, ready, type Rule, testRules, type } from "./rules.ts";

/** How packets pass through devices of tun(4) of paper. */

const PACKET = toHex(icmpv6(128, "2001:db8::1", "2001:0:102:304::1"));
const HEAD_28 = `0000001c${PACKET}`;
const HEAD_24 = `00000018${PACKET}`;
const IPV4 = `45${"00".repeat(19)}`;

const PASSING: readonly Rule[] = [
  {
    hosts: [...CLONING, "NetBSD 10"],
    at: "tunoutput(): without TUNSIFHEAD only IPv4 goes out",
    play: (device) => {
      ready(device, "/dev/tun0").ioctl("TUNSIFHEAD", 0);
      return [device.sends(PACKET), device.sends(IPV4), device.read()];
    },
    want: [false, true, IPV4],
  },
  {
    hosts: CLONING,
    at: "TUNSIFHEAD: a family before each packet, and one that is known",
    play: (device) => {
      ready(device, "/dev/tun0");
      return [
        device.sends(PACKET),
        device.read(),
        device.read(),
        device.write(HEAD_28),
        device.write(HEAD_24),
        device.taken,
      ];
    },
    want: [true, HEAD_28, "EAGAIN", 52, "EAFNOSUPPORT", [`tun0 ${PACKET}`]],
  },
  {
    hosts: ["NetBSD 10"],
    at: "tunwrite(): the family of NetBSD, and up to TUNMTU",
    play: (device) => {
      ready(device, "/dev/tun0");
      return [
        device.write(HEAD_24),
        device.write(HEAD_28),
        device.write(`00000018${"60".repeat(1500)}`),
        device.write(`00000018${"60".repeat(1501)}`),
        device.write("000018"),
        device.write("00000018"),
      ];
    },
    want: [52, "EAFNOSUPPORT", 1504, "EIO", "EIO", "EIO"],
  },
  {
    hosts: ["OpenBSD 7"],
    at: "tun_dev_write(): always a family, of whatever kind, and up to MAXMCLBYTES",
    play: (device) => {
      ready(device, "/dev/tun0");
      return [
        device.sends(PACKET),
        device.read(),
        device.write(HEAD_24),
        device.write(HEAD_28),
        device.write("000018"),
        device.write(`00000018${"60".repeat(65_537)}`),
        device.taken,
      ];
    },
    want: [true, HEAD_24, 52, 52, "EMSGSIZE", "EMSGSIZE", [`tun0 ${PACKET}`]],
  },
  {
    hosts: FREEBSD,
    at: "tunwrite(): nothing is taken while the interface is down, and no error said",
    play: (device) => {
      ready(device, "/dev/tun0");
      type(device, "ifconfig tun0 down");
      return [device.write(HEAD_28), device.sends(PACKET), device.taken];
    },
    want: [0, false, []],
  },
  {
    hosts: HOSTS,
    at: "read(): what does not fit is cut off, and gone",
    play: (device) => {
      ready(device, "/dev/tun0").sends(PACKET);
      return [device.read(4), device.read()];
    },
    want: [(host: HostName) => /Open|Net/.test(host) ? "00000018" : "0000001c", "EAGAIN"],
  },
  {
    hosts: CLONING,
    at: "IFQ_HANDOFF(): as many as wait",
    play: (device) => {
      ready(device, "/dev/tun0");
      return [Array.from({ length: 52 }, () => device.sends(PACKET)).filter(Boolean).length];
    },
    want: [50],
  },
  {
    hosts: ["NetBSD 10"],
    at: "sysctl_sndq_setup(): as many as an operator lets wait",
    play: (device) => {
      ready(device, "/dev/tun0");
      const count = () => Array.from({ length: 300 }, () => device.sends(PACKET)).filter(Boolean);
      const before = count().length;
      return [
        before,
        type(device, "sysctl -w net.interfaces.tun0.sndq.maxlen=400"),
        count().length,
      ];
    },
    want: [256, 0, 144],
  },
  {
    hosts: [...CLONING, "OpenBSD 7"],
    at: "read() heeds O_NONBLOCK",
    play: (device) => {
      ready(device, "/dev/tun0");
      const answers: Answer[] = [device.read()];
      device.file.nonBlocking = false;
      return [...answers, device.read(), device.machine.fatalities.length];
    },
    want: ["EAGAIN", "a read of tun would block forever", 1],
  },
  {
    hosts: ["NetBSD 10"],
    at: "tunread() heeds FIONBIO alone, and wants an address first",
    play: (device) => {
      device.open("/dev/tun0");
      device.ioctl("FIONBIO", 1);
      const before = device.read();
      ready(device, "/dev/tun0");
      device.file.nonBlocking = false;
      const answers = [before, device.read(), device.ioctl("FIONBIO", 0)];
      device.file.nonBlocking = true;
      return [...answers, device.read()];
    },
    want: ["EHOSTDOWN", "EAGAIN", 0, "a read of tun would block forever"],
  },
];

testRules(PASSING);

for (const host of HOSTS) {
  test(`tun(4) of ${host} on paper: what comes in is forwarded where forwarding is on`, () => {
    for (const forwards of [true, false]) {
      const device = ready(new Device(host, { forwards }), "/dev/tun0");
      const family = /Open|Net/.test(host) ? "18" : "1c";
      const out = toHex(icmpv6(128, "2001:0:102:304::1", "2001:db8:5::1"));
      assert.equal(device.write(`000000${family}${out}`), 52);
      const hopLimit = parseInt(out.slice(14, 16), 16) - 1;
      const passed = out.slice(0, 14) + hopLimit.toString(16) + out.slice(16);
      assert.deepEqual(device.seen, [`tun0 ${out}`, ...(forwards ? [`wan0 ${passed}`] : [])]);
    }
  });
}
