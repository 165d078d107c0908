import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import test from "node:test";
import { Drop } from "#src/protocol/drops.ts";
import type { ServerOptions } from "#src/protocol/server/contract.ts";
import type { Authenticate } from "#src/protocol/wire/authentication.ts";
import { vector } from "../vectors.ts";
import { hmacSha1, OPTIONS, ServerLab } from "./lab.ts";

const SOLICITATION = vector("R1");
const hmacSha256: Authenticate = (key, message) =>
  createHmac("sha256", key).update(message).digest();

const set = (lab: ServerLab, options: Partial<ServerOptions>, authenticate = hmacSha1, now = 0) =>
  lab.server.set({ ...OPTIONS, ...options }, authenticate, now);

test("Server.set() remembers what the limits have counted", () => {
  const limits = { solicitationRate: 1, solicitationBurst: 3 };
  const lab = new ServerLab(limits);
  const answered = () => [1, 2, 3, 4, 5].map(() => lab.receive(SOLICITATION) === Drop.None);
  assert.deepEqual(answered(), [true, true, true, false, false]);
  set(lab, limits);
  assert.deepEqual(answered(), [false, false, false, false, false]);
  set(lab, { ...limits, solicitationBurst: 5 });
  assert.deepEqual(answered(), [true, true, false, false, false]);
  set(lab, {});
  assert.deepEqual(answered(), [true, true, true, true, true]);
});

test("Server.set(): whether clients have to authenticate holds from the next datagram on", () => {
  const lab = new ServerLab();
  assert.equal(lab.receive(SOLICITATION), Drop.None);
  set(lab, { requireAuthentication: true }, hmacSha256);
  assert.equal(lab.receive(SOLICITATION), Drop.AuthenticationMissing);
  set(lab, {});
  assert.equal(lab.receive(SOLICITATION), Drop.None);
});

test("Server.set(): another address of its own is in the next advertisement", () => {
  const lab = new ServerLab();
  lab.receive(SOLICITATION);
  const [before] = lab.sent;
  set(lab, { serverAddress: 0x08080808, mtu: 1_400 });
  lab.receive(SOLICITATION);
  const [after] = lab.sent;
  assert.notDeepEqual(after, before);
  assert.match(after!.hex, /f7f7f7f7|08080808/, "in the source or the prefix");
});
