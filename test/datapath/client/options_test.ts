import assert from "node:assert/strict";
import test from "node:test";
import type { ClientRules } from "#src/datapath/datapath.ts";
import { clientOptions } from "#src/datapath/threads/loop.ts";
import { SharedValue } from "#src/datapath/threads/shared_value.ts";
import { CLIENT_OPTIONS } from "../../protocol/client/lab.ts";

const { authenticate: _, ...IDENTITY } = {
  clientId: new TextEncoder().encode("somebody"),
  key: new Uint8Array(16).fill(7),
  algorithm: "sha1" as const,
  authenticate: undefined,
};
const rules = (identity: ClientRules["identity"]): ClientRules => {
  const { servicePort: _, identity: __, ...rest } = CLIENT_OPTIONS;
  return { ...rest, identity };
};

test("clientOptions() has the same identity for rules that come anew, and another one for another key", () => {
  const shared = new SharedValue<ClientRules>(65_536);
  const optionsFrom = clientOptions(3_797);
  const take = (identity: ClientRules["identity"]) => {
    shared.replace(rules(identity));
    return optionsFrom(shared.take()!);
  };
  const first = take(IDENTITY);
  assert.equal(first.servicePort, 3_797);
  assert.deepEqual(first.identity!.key, IDENTITY.key);
  assert.equal(take({ ...IDENTITY, key: IDENTITY.key.slice() }).identity, first.identity);
  const key = new Uint8Array(16).fill(8);
  const others: readonly NonNullable<ClientRules["identity"]>[] = [
    { ...IDENTITY, key },
    { ...IDENTITY, clientId: new TextEncoder().encode("somebod") },
    { ...IDENTITY, algorithm: "sha256" },
  ];
  for (const other of others) {
    const { identity } = take(other);
    assert.notEqual(identity, first.identity);
    assert.deepEqual(identity!.key, other.key);
  }
  assert.equal(take(undefined).identity, undefined);
  assert.notEqual(take(IDENTITY).identity, first.identity);
});
