import assert from "node:assert/strict";
import test from "node:test";
import { checkRelayAddress, checkServerAddresses } from "#src/daemon/checks/address.ts";
import { formatCheck } from "#src/daemon/checks/result.ts";
import { fakeHost, PRIMARY_ADDRESS, relayConfig, serverConfig } from "./fake_host.ts";

const DEAF = { verdict: "warn", detail: "deaf", mend: "loosen" } as const;

/** A host whose second address is deaf by reverse-path filtering. */
const host = fakeHost({
  returnPath: (address) =>
    address === PRIMARY_ADDRESS ? { verdict: "ok", detail: "hears strangers" } : DEAF,
});

const lines = (results: ReturnType<typeof checkServerAddresses>) =>
  results.filter(({ name }) => name === "return_path").map(formatCheck);

test("checkServerAddresses() asks after the return path of both addresses (C8)", () => {
  assert.deepEqual(lines(checkServerAddresses(host, serverConfig())), [
    "ok   return_path: hears strangers",
    "warn return_path: deaf; mend: loosen",
  ]);
});

test("checkRelayAddress() asks after that of a bound address alone (C8)", () => {
  const bound = relayConfig({ bindAddress: PRIMARY_ADDRESS + 1 });
  assert.deepEqual(lines(checkRelayAddress(host, bound)), ["warn return_path: deaf; mend: loosen"]);
  assert.deepEqual(lines(checkRelayAddress(host, relayConfig({ bindAddress: 0 }))), []);
});
