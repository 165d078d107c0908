import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { askControl } from "#src/cli/control/ask.ts";
import { PeerPages } from "#src/cli/peers/ask.ts";
import { noneOf, NoStatus } from "#src/cli/status/no_status.ts";

/** Asks for what it is given, by a file of this text. */
async function withFile(text: string, ask: (config: string) => Promise<unknown>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "teredo-none-"));
  const config = join(folder, "teredo.ini");
  writeFileSync(config, text.replaceAll("FOLDER", folder));
  try {
    await ask(config);
  } catch (error) {
    assert.ok(error instanceof NoStatus);
    throw new NoStatus(error.message.replaceAll(folder, "FOLDER"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("noneOf() names all that do not run, and of what does not answer only that", () => {
  const none = [new NoStatus("a", true), new NoStatus("b", true)];
  assert.deepEqual(noneOf(none), new NoStatus("a; b", true));
  const refused = new NoStatus("not allowed to ask c");
  assert.equal(noneOf([...none, refused]), refused);
});

// No daemon of this machine is there.
const PAGES = "[status]\naddress = 127.99.0.1\ncontrol = no\n";

test("PeerPages names both roles that have peers, where neither runs", async () => {
  const ask = (config: string) => new PeerPages({ config }).ask("/peers");
  await assert.rejects(
    withFile(`[relay]\n[server]\n[client]\n${PAGES}`, ask),
    new NoStatus(
      "not running: nothing listens at http://127.99.0.1:9545; " +
        "nothing listens at http://127.99.0.1:9546",
    ),
  );
  await assert.rejects(
    withFile(`[client]\n${PAGES}`, ask),
    new NoStatus("not running: nothing listens at http://127.99.0.1:9546"),
  );
});

test("askControl() names a socket that several roles have once", async () => {
  const text = "[relay]\n[server]\n[status]\ncontrol = FOLDER/control\n";
  await assert.rejects(
    withFile(text, (config) => askControl({ config }, { method: "POST", path: "/reload" })),
    new NoStatus("not running: there is no socket unix:FOLDER/control"),
  );
});
