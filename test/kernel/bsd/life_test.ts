import assert from "node:assert/strict";
import test from "node:test";
import { dropPrivileges } from "#src/daemon/privileges.ts";
import { data } from "#test/protocol/relay/lab.ts";
import { vector } from "#test/protocol/vectors.ts";
import type { BsdBackend } from "./backend.ts";
import { typeAsRoot } from "./commands.ts";
import { backendOf, type HostName, HOSTS, type PerHost, tunnelsOf } from "./hosts.ts";
import { assertNothingLeft, Life, liveThrough, type OpenLife, type Step } from "../life.ts";
import { LATE, relaySteps } from "../relay_steps.ts";
import { relay, server } from "../roles.ts";
import { CLIENT_ADDRESS, CLIENT_AT, HOST, RELAY_AT, SERVER_AT, TUNNEL } from "../scene.ts";
import { LATE_SOLICITATION, serverSteps } from "../server_steps.ts";

/** Whole lives on the BSDs of paper, by the program's own code from ifconfig(8) to the last close. */

const NOBODY = { name: "nobody", uid: 65_534, gid: 65_534, groups: [65_534] };
const UP = data(CLIENT_ADDRESS, HOST);
const ECHO = vector("E1");

interface Role {
  readonly name: string;
  readonly open: OpenLife;
  readonly steps: readonly Step[];
  readonly late: Step;
  /** What a process leaves that can no longer clean up: it crashed, or is not root any more. */
  readonly leftovers: Partial<PerHost<readonly string[]>>;
}

const RELAY_LEFTOVERS: Role["leftovers"] = {
  // tundtor() purges the addresses only; the interface is destroyed by nobody before 15.
  "FreeBSD 14": ["teredo mtu 1280 POINTOPOINT", "2001::/32 teredo"],
  // tunclose() takes the interface down.
  "NetBSD 10": [
    "tun0 mtu 1280 POINTOPOINT,RUNNING fe80::ffff:ffff:ffff%tun0",
    "2001::/32 tun0",
  ],
};

const ROLES: readonly Role[] = [
  {
    name: "a relay",
    open: relay(),
    steps: relaySteps(),
    late: LATE,
    leftovers: RELAY_LEFTOVERS,
  },
  {
    name: "a relay at any address",
    open: relay({ anyAddress: true }),
    steps: relaySteps({ anyAddress: true }),
    late: LATE,
    leftovers: RELAY_LEFTOVERS,
  },
  {
    name: "a server",
    open: server(),
    steps: serverSteps({ isForwarded: true }),
    late: LATE_SOLICITATION,
    leftovers: {
      "FreeBSD 14": ["teredo-server mtu 1500 POINTOPOINT"],
      "NetBSD 10": ["tun0 mtu 1500 POINTOPOINT"],
    },
  },
];

const becomeNobody: Step = {
  name: "privileges are given up",
  does: ({ backend }) => dropPrivileges(backend.libc, NOBODY, undefined),
};

/** The stray prefix that an operator routes in the life of a relay goes with the interface, or by hand. */
const withoutStray = (lines: readonly string[]) =>
  lines.filter((line) => !line.startsWith("2001:db8:f::/48"));

for (const host of HOSTS) {
  for (const { name, open, steps, late, leftovers } of ROLES) {
    const left = leftovers[host] ?? [];

    test(`${host}: ${name} lives and leaves nothing`, () => {
      liveThrough(backendOf(host), open, [...steps, late]);
    });

    test(`${host}: ${name} lives as nobody, and the next one clears away what it leaves`, () => {
      const backend = backendOf(host);
      const before = backend.state();
      const life = new Life(backend, open, [becomeNobody, ...steps, late]);
      life.live();
      assert.deepEqual([...backend.transcript.descriptors.open.values()], []);
      assert.deepEqual(withoutStray(tunnelsOf(backend.machine)), left);
      backend.exit();
      new Life(backend, open, [...steps, late]).live();
      assertNothingLeft(backend, before);
    });

    test(`${host}: ${name} that dies is followed by one that lives and leaves nothing`, () => {
      const backend = backendOf(host);
      const before = backend.state();
      new Life(backend, open, steps).die();
      assert.deepEqual(withoutStray(tunnelsOf(backend.machine)), left);
      new Life(backend, open, [...steps, late]).live();
      assertNothingLeft(backend, before);
    });
  }
}

const fromClient = ({ backend }: Life, bytes = UP) =>
  backend.sendDatagram({ from: CLIENT_AT, to: RELAY_AT, data: bytes.slice() });
const machineOf = ({ backend }: Life) => (backend as BsdBackend).machine;
/** Types a command that names the tunnel as it is called there. */
function type(life: Life, words: string) {
  const name = (life.backend as BsdBackend).nameOf(TUNNEL);
  return typeAsRoot(machineOf(life), `ifconfig ${name} ${words}`);
}

/** Whether a device takes packets while its interface is down: tunwrite(), tun_dev_write() */
const TAKES_WHEN_DOWN: PerHost<boolean> = {
  "FreeBSD 14": false,
  "FreeBSD 15": false,
  "OpenBSD 7": true,
  "NetBSD 10": true,
  "DragonFly BSD 6": true,
};

for (const host of HOSTS) {
  const takes = TAKES_WHEN_DOWN[host];

  test(`${host}: a relay outlives an operator who takes its interface down and up again`, () => {
    const steps = relaySteps();
    // Up to where the client is known.
    const known = steps.slice(0, 3);
    const [carried] = steps.filter(({ name }) => name === "a packet from the client");
    liveThrough(backendOf(host), relay(), [
      ...known,
      {
        name: "down",
        does: (life) => {
          assert.equal(type(life, "down").status, 0);
          fromClient(life);
        },
        wakes: ["udp"],
        packets: takes ? 1 : 0,
        check: (life) => assert.equal(life.drops("TunWriteFailed"), takes ? 0 : 1),
      },
      { name: "up", does: (life) => void type(life, "up") },
      carried!,
    ]);
  });
}

/** What comes of `ifconfig tunN destroy` while a program holds the device. */
const DESTRUCTIONS: readonly {
  readonly host: HostName;
  readonly role: Role;
  readonly step: Step;
  readonly message: RegExp;
}[] = [
  {
    // VOP_REVOKE(): poll() says POLLHUP, and read() EIO.
    host: "OpenBSD 7",
    role: ROLES[0]!,
    step: { name: "destroyed", does: (life) => void type(life, "destroy"), wakes: ["tun"] },
    message: /: The interface tun0 is gone: read: EIO /,
  },
  {
    // tunpoll() says nothing, tunwrite() ENXIO.
    host: "NetBSD 10",
    role: ROLES[0]!,
    step: {
      name: "destroyed",
      does: (life) => {
        type(life, "destroy");
        fromClient(life);
      },
      wakes: ["udp"],
    },
    message: /: The interface tun0 is gone: write: ENXIO /,
  },
  ...(["OpenBSD 7", "NetBSD 10"] as const).map((host) => ({
    host,
    role: ROLES[2]!,
    step: {
      name: "destroyed",
      does: (life: Life) => {
        assert.equal(typeAsRoot(machineOf(life), "ifconfig tun0 destroy").status, 0);
        life.backend.sendDatagram({ from: CLIENT_AT, to: SERVER_AT, data: ECHO.slice() });
      },
      wakes: ["udp"],
    },
    message: /: The interface for native packets is gone: write: E(IO|NXIO) /,
  })),
];

for (const { host, role: { name, open, steps }, step, message } of DESTRUCTIONS) {
  test(`${host}: ${name} whose interface is destroyed ends with an error, and leaves nothing`, () => {
    const backend = backendOf(host);
    const before = backend.state();
    const life = new Life(backend, open, [...steps, step]);
    assert.throws(() => life.live(), message);
    life.opened.close();
    assertNothingLeft(backend, before);
  });
}

test("DragonFly BSD 6: an operator cannot destroy a relay's interface, which lives on", () => {
  // tun_clone_destroy(): ENXIO for what an open of /dev/tun has made
  const refused: Step = {
    name: "destroyed",
    does: (life) => {
      const stderr = "ifconfig: SIOCIFDESTROY: Device not configured\n";
      assert.deepEqual(type(life, "destroy"), { status: 1, stdout: "", stderr });
    },
  };
  liveThrough(backendOf("DragonFly BSD 6"), relay(), [...relaySteps(), refused, LATE]);
});

for (const host of HOSTS) {
  test(`${host}: without forwarding, a server's native packets go nowhere and clients are answered`, () => {
    const backend = backendOf(host, { forwards: false });
    const [solicitation] = serverSteps({ isForwarded: true });
    const echo: Step = {
      name: "an echo request to the IPv6 Internet",
      does: (life) =>
        life.backend.sendDatagram({ from: CLIENT_AT, to: SERVER_AT, data: ECHO.slice() }),
      wakes: ["udp"],
    };
    liveThrough(backend, server(), [solicitation!, echo, solicitation!]);
  });
}
