import assert from "node:assert/strict";
import test from "node:test";
import type { RelayConfig } from "#src/config/config.ts";
import { followOwnAddresses } from "#src/daemon/own_addresses.ts";
import type { RelayRules } from "#src/datapath/datapath.ts";
import { createLogger } from "#src/log/logger.ts";
import { formatLogfmt } from "#src/log/record.ts";
import { fakeHost, PRIMARY_ADDRESS, relayConfig, UPLINK } from "./checks/fake_host.ts";

const OTHER_ADDRESS = PRIMARY_ADDRESS + 1;

/** A relay on a host whose addresses change, and the rules that it was given. */
function setUp(over: Partial<RelayConfig>) {
  const lines: string[] = [];
  const rules: RelayRules[] = [];
  const lab = {
    own: [PRIMARY_ADDRESS] as readonly number[],
    hasRoom: true,
    relay: relayConfig({ bindAddress: 0, ...over }),
  };
  const sink = (_: string, line: string) => void lines.push(line);
  const log = createLogger({ level: "info", format: formatLogfmt, sink, time: undefined });
  const look = followOwnAddresses({
    log,
    host: fakeHost({ interfaces: () => [{ ...UPLINK, ipv4: [...lab.own] }] }),
    config: () => lab.relay,
    setRules: (all) => {
      if (lab.hasRoom) rules.push(all as RelayRules);
      return lab.hasRoom;
    },
  });
  return { lines, rules, lab, look, own: () => rules.map(({ ownAddresses }) => ownAddresses) };
}

test("followOwnAddresses() of a relay on every address tells it of each that the host gets", () => {
  const { lab, look, lines, own } = setUp({});
  look();
  look();
  lab.own = [PRIMARY_ADDRESS, OTHER_ADDRESS];
  look();
  look();
  assert.deepEqual(own(), [[PRIMARY_ADDRESS], [PRIMARY_ADDRESS, OTHER_ADDRESS]]);
  assert.deepEqual(lines, []);
});

test("followOwnAddresses() tells a relay again what it may have been told otherwise by a reload", () => {
  const { lab, look, own } = setUp({});
  look();
  lab.relay = { ...lab.relay };
  look();
  look();
  assert.deepEqual(own(), [[PRIMARY_ADDRESS], [PRIMARY_ADDRESS]]);
});

test("followOwnAddresses() of a relay on one address has nothing to tell", () => {
  const { lab, look, own } = setUp({ bindAddress: PRIMARY_ADDRESS });
  look();
  lab.own = [PRIMARY_ADDRESS, OTHER_ADDRESS];
  look();
  assert.deepEqual(own(), [[PRIMARY_ADDRESS]]);
});

test("followOwnAddresses() tries again what the relay had no room for, and says so once", () => {
  const { lab, look, lines, own } = setUp({});
  lab.hasRoom = false;
  look();
  look();
  assert.deepEqual(lines, [
    'level=warn msg="More own addresses than a running relay can be given" count=1',
  ]);
  lab.hasRoom = true;
  look();
  assert.deepEqual(own(), [[PRIMARY_ADDRESS]]);
});

test("followOwnAddresses() says what is served where that is this host, and no more of it", () => {
  const { lab, look, lines, own } = setUp({ served: "self" });
  look();
  lab.own = [OTHER_ADDRESS];
  look();
  assert.equal(own().length, 2);
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /msg="Serving own addresses" served=/);
});
