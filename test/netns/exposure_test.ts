import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import test from "node:test";
import { openLibc } from "#ffi/open.ts";
import { checkSurroundings } from "#src/daemon/checks/client/surroundings.ts";
import { formatCheck } from "#src/daemon/checks/result.ts";
import { linuxHost } from "#src/daemon/host/linux/mod.ts";
import { clientConfig } from "#test/daemon/checks/fake_host.ts";
import { inNamespace } from "#test/runtime/namespace.ts";

const libc = await openLibc();
const [, DOCUMENTED] = /^```nft\n([^]*?)^```/m.exec(readFileSync("docs/client.md", "utf8"))!;

/** Rulesets, and whether strangers are let in by the client's interface. */
const rulesets: readonly (readonly [name: string, rules: string, isOpen: boolean])[] = [
  ["none", "", true],
  ["that of docs/client.md", DOCUMENTED!, false],
  [
    "that of docs/client.md for another interface",
    DOCUMENTED!.replaceAll('"teredo"', '"teredo7"'),
    true,
  ],
  [
    "one that drops all that is new, whatever it comes in by",
    `table inet f {
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    iifname "lo" accept
  }
}
`,
    false,
  ],
  [
    "one for IPv4 alone",
    `table ip f {
  chain input {
    type filter hook input priority filter; policy drop;
  }
}
`,
    true,
  ],
];

inNamespace(import.meta.filename!, () => {
  for (const [name, rules, isOpen] of rulesets) {
    test(`C-05 checkSurroundings() with ${name}`, async () => {
      const input = `flush ruleset\n${rules}`;
      const { status, stderr } = spawnSync("nft", ["-f", "-"], { input, encoding: "utf8" });
      assert.equal(status, 0, stderr);
      const surroundings = { resolve: () => Promise.resolve([]), textOf: () => undefined };
      const results = await checkSurroundings(linuxHost(libc), clientConfig(), surroundings);
      const exposure = results.find((it) => it.name === "exposure")!;
      assert.equal(exposure.verdict, isOpen ? "warn" : "ok", formatCheck(exposure));
    });
  }
}, 600_000);
