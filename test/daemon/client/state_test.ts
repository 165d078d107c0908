import assert from "node:assert/strict";
import test from "node:test";
import { mendOfWait } from "#src/daemon/client/state.ts";
import { CLIENT_STATES } from "#src/status/snapshot.ts";

test("mendOfWait() has something to do for every state that a client can wait in", () => {
  const mends = Object.fromEntries(CLIENT_STATES.map((state) => [state, mendOfWait(state)]));
  assert.match(mends["resolving"]!, /IPv4 address/);
  assert.match(mends["no_ipv4"]!, /a network with IPv4/);
  assert.match(mends["dormant"]!, /when_native/);
  assert.match(mends["relay"]!, /when_native/);
  assert.match(mends["probing"]!, /teredo netcheck/);
  assert.match(mends["offline"]!, /teredo netcheck/);
});
