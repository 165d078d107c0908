import assert from "node:assert/strict";
import test from "node:test";
import type { AddressRules, Failure } from "#src/probe/contract.ts";
import { explain } from "#src/probe/outcome.ts";
import { SERVICE_PREFIX } from "#src/protocol/wire/teredo_address.ts";

const RULES: AddressRules = { prefix: SERVICE_PREFIX, refuseReserved: false };

const CASES: readonly {
  readonly name: string;
  readonly failure: Failure;
  readonly rules?: Partial<AddressRules>;
  readonly mend: RegExp;
}[] = [
  {
    name: "which prefix wants a route",
    failure: "no-relay",
    mend: /a route to 2001::\/32 by way of a relay/,
  },
  {
    name: "which prefix wants a route in a closed network",
    failure: "no-relay",
    rules: { prefix: 0x3ffe831f },
    mend: /a route to 3ffe:831f::\/32 by way of a relay/,
  },
  {
    name: "that the server is inside",
    failure: "mapping-not-global",
    mend: /^the server stands inside the NAT: use one on the Internet$/,
  },
  {
    name: "that the mapping may be refused by `refuse_reserved` alone",
    failure: "mapping-not-global",
    rules: { refuseReserved: true },
    mend: /leave out `refuse_reserved`, which refuses 100\.64\.0\.0\/10/,
  },
];

for (const { name, failure, rules, mend } of CASES) {
  test(`explain() ${failure} says ${name}`, () => {
    const outcome = { server: "192.0.2.1", target: "2001:db8::7" };
    assert.match(explain(failure, outcome, { ...RULES, ...rules }).mend, mend);
  });
}
