import assert from "node:assert/strict";
import test from "node:test";
import type { RelayConfig, ServerConfig } from "#src/config/config.ts";
import { checkFastPath } from "#src/daemon/checks/fast_path.ts";
import { formatCheck } from "#src/daemon/checks/result.ts";
import type { Host } from "#src/daemon/host/contract.ts";
import type { FilterReport } from "#src/daemon/host/traffic.ts";
import { clientConfig, fakeHost, relayConfig, serverConfig } from "./fake_host.ts";

const NO_FILTERS: FilterReport = {
  filtered: [],
  handled: [],
  asked: [],
  seen: ["nftables"],
  unseen: [],
};
const filters = (changes: Partial<FilterReport>): Partial<Host> => ({
  filters: () => ({ ...NO_FILTERS, ...changes }),
});
const LIMIT = { traffic: undefined!, what: "limit", by: "rule A" };
const NO_TCX = { ...filters({}), refusesFastPath: () => "the kernel has no TCX; Linux 6.6 has" };

const cases: readonly [
  name: string,
  mode: RelayConfig["fastPath"],
  facts: Partial<Host>,
  record: boolean,
  want: string,
][] = [
  ["all is well", "auto", filters({}), false, "ok   fast_path: on"],
  ["it is forced, and all is well", "on", filters({}), false, "ok   fast_path: on"],
  ["it is not wanted", "off", NO_TCX, true, "ok   fast_path: off: `fast_path = off`"],
  [
    "the kernel is old",
    "auto",
    NO_TCX,
    false,
    "ok   fast_path: off: the kernel has no TCX; Linux 6.6 has",
  ],
  [
    "it is forced on an old kernel",
    "on",
    NO_TCX,
    false,
    "FAIL fast_path: there can be none: the kernel has no TCX; Linux 6.6 has; mend: mend that, or " +
    "`fast_path = auto`",
  ],
  [
    "packets are recorded",
    "auto",
    filters({}),
    true,
    "ok   fast_path: off: `record = yes`, by which the relay sees every packet",
  ],
  [
    "it is forced, and packets are recorded",
    "on",
    filters({}),
    true,
    "FAIL fast_path: there can be none: `record = yes`, by which the relay sees every packet; mend: " +
    "mend that, or `fast_path = auto`",
  ],
  [
    "a rule limits",
    "auto",
    filters({ handled: [LIMIT] }),
    false,
    'ok   fast_path: off: something would miss packets: "limit" of rule A',
  ],
  [
    "it is forced past a rule that limits",
    "on",
    filters({ handled: [LIMIT] }),
    false,
    'warn fast_path: on, past what sees packets: "limit" of rule A; mend: `fast_path = auto`, unless ' +
    "that is meant",
  ],
  [
    "filters are not known",
    "auto",
    {},
    false,
    "ok   fast_path: off: something would miss packets: what packet filters there are is not known",
  ],
];

for (const [name, fastPath, facts, record, want] of cases) {
  test(`checkFastPath() where ${name}`, () => {
    const relay = relayConfig({ fastPath });
    const config = { relay, server: serverConfig(), client: clientConfig(), status: { record } };
    assert.equal(formatCheck(checkFastPath(fakeHost(facts), "relay", config)), want);
  });
}

const serverCases: readonly [
  name: string,
  server: Partial<ServerConfig>,
  facts: Partial<Host>,
  record: boolean,
  want: string,
][] = [
  ["all is well", {}, filters({}), false, "ok   fast_path: on"],
  [
    "it is not wanted",
    { fastPath: "off" },
    NO_TCX,
    false,
    "ok   fast_path: off: `fast_path = off`",
  ],
  [
    "packets are recorded",
    {},
    filters({}),
    true,
    "ok   fast_path: off: `record = yes`, by which the server sees every packet",
  ],
  [
    "clients have to authenticate themselves",
    { requireAuthentication: true },
    filters({}),
    false,
    "ok   fast_path: off: `require_authentication = yes`, by which the kernel could answer nobody",
  ],
  [
    "a chain has rules, whatever they do",
    {},
    filters({ asked: ["chain input of table inet filter"] }),
    false,
    "ok   fast_path: off: something would miss packets: chain input of table inet filter",
  ],
  [
    "it is forced past a chain with rules",
    { fastPath: "on" },
    filters({ asked: ["chain input of table inet filter"] }),
    false,
    "warn fast_path: on, past what sees packets: chain input of table inet filter; mend: " +
    "`fast_path = auto`, unless that is meant",
  ],
];

for (const [name, server, facts, record, want] of serverCases) {
  test(`checkFastPath() of a server where ${name}`, () => {
    const config = {
      relay: relayConfig(),
      server: serverConfig(server),
      client: clientConfig(),
      status: { record },
    };
    assert.equal(formatCheck(checkFastPath(fakeHost(facts), "server", config)), want);
  });
}
