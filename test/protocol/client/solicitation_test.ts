import assert from "node:assert/strict";
import test from "node:test";
import {
  Solicitation,
  SOLICITATION_MAX_LENGTH,
} from "#src/protocol/client/messages/solicitation.ts";
import { ALICE, hmacSha1 } from "../server/lab.ts";
import { CLIENT_LOCAL, CLIENT_PORT, NONCE, toHex, vector } from "../vectors.ts";

const ALICE_SHOWS = { ...ALICE, authenticate: hmacSha1 };

const cases = [
  { id: "R3", name: "a nonce alone (C-10, C-13)", solicitation: new Solicitation() },
  { id: "X1", name: "identifier and value (C-13)", solicitation: new Solicitation(ALICE_SHOWS) },
];

for (const { id, name, solicitation } of cases) {
  test(`Solicitation.write() writes ${id}: ${name}`, () => {
    const b = new Uint8Array(SOLICITATION_MAX_LENGTH).fill(0xee);
    solicitation.begin(false, CLIENT_LOCAL, CLIENT_PORT, NONCE);
    for (const attempt of [1, 2]) {
      assert.equal(toHex(b, 0, solicitation.write(b, 1_000 * attempt)), toHex(vector(id)));
      assert.equal(solicitation.attempts, attempt);
      assert.equal(solicitation.sentAt, 1_000 * attempt);
    }
  });
}

test("Solicitation.begin() tells nothing of us with address and port 0", () => {
  const solicitation = new Solicitation();
  solicitation.begin(false, 0, 0, NONCE);
  assert.equal(toHex(solicitation.linkLocal), "fe800000000000000000ffffffffffff");
});

test("Solicitation.write() has room for the longest identifier and value", () => {
  const longest = new Uint8Array(255).fill(1);
  const solicitation = new Solicitation({
    clientId: longest,
    key: longest,
    authenticate: () => longest,
  });
  solicitation.begin(true, CLIENT_LOCAL, CLIENT_PORT, NONCE);
  assert.equal(solicitation.write(new Uint8Array(SOLICITATION_MAX_LENGTH), 0), 13 + 255 * 2 + 48);
});
