import assert from "node:assert/strict";
import test from "node:test";
import { setTimeout as after } from "node:timers/promises";
import { Cleanup } from "#src/daemon/cleanup.ts";
import { noRestorations } from "#src/daemon/restorations.ts";
import { upholdInterface, type UpkeepOptions } from "#src/daemon/upkeep/mod.ts";
import { createLogger, type Logger } from "#src/log/logger.ts";
import { formatLogfmt } from "#src/log/record.ts";
import { typeAsRoot } from "#test/kernel/bsd/commands.ts";
import { machineOf } from "#test/kernel/bsd/hosts.ts";
import { BsdProcess } from "#test/kernel/bsd/process.ts";

const USER = { name: "nobody", uid: 65_534, gid: 65_534, groups: [65_534] };

const logTo = (lines: string[]): Logger => {
  const sink = (_level: unknown, line: string) => void lines.push(line);
  return createLogger({ level: "info", format: formatLogfmt, sink, time: undefined });
};

/** A relay on FreeBSD of paper, kept as a daemon keeps it. */
async function keep(
  options: Pick<UpkeepOptions, "user" | "chroot">,
  does: (relay: { down(): void; hear(line: RegExp): Promise<void>; lines: string[] }) => unknown,
) {
  const machine = machineOf("FreeBSD 14");
  const process = new BsdProcess(machine);
  const open = process.openRelay();
  const lines: string[] = [];
  const log = logTo(lines);
  const cleanup = new Cleanup();
  const restorations = noRestorations();
  const { libc } = process;
  const began = libc.transcript.lines.length;
  upholdInterface(open, {
    ...{ libc, log, restorations, cleanup, program: ["false"], sandbox: "auto" },
    ...options,
  });
  const hear = async (line: RegExp) => {
    while (!lines.some((it) => line.test(it))) await after(10);
  };
  const down = () => assert.equal(typeAsRoot(machine, "ifconfig teredo down").status, 0);
  await does({ down, hear, lines });
  await cleanup.run();
  const ran = libc.transcript.lines.slice(began).filter((it) => it.startsWith("run("));
  open.close();
  assert.deepEqual(process.open, []);
  return { restorations, ran };
}

test("upholdInterface() sets up again on a BSD, by this process, logs and counts", async () => {
  const { restorations, ran } = await keep(
    { user: undefined, chroot: undefined },
    async ({ down, hear, lines }) => {
      down();
      await hear(/ msg=Restored what=up seconds=[\d.]+$/);
      assert.equal(lines.length, 1, lines.join("\n"));
    },
  );
  assert.equal(restorations.up, 1);
  assert.deepEqual(ran, ["run(/sbin/ifconfig teredo up) = 0"]);
});

for (
  const [name, setting, options] of [
    ["user", "user", { user: USER, chroot: undefined }],
    ["user and chroot", "user", { user: USER, chroot: "/var/empty" }],
    ["chroot", "chroot", { user: undefined, chroot: "/var/empty" }],
  ] as const
) {
  test(`upholdInterface() says once that a BSD keeps nothing with ${name} set, and reports`, async () => {
    const { restorations, ran } = await keep(options, async ({ down, hear, lines }) => {
      const once = new RegExp(`msg="Nothing keeps the interface" problem=".*\`${setting}\` set"`);
      assert.match(lines.join("\n"), once);
      down();
      await hear(/ msg="Cannot restore" what=up .* mend="run `ifconfig teredo up`"$/);
      assert.equal(lines.filter((it) => it.includes("Nothing keeps")).length, 1);
    });
    assert.deepEqual(restorations, noRestorations());
    assert.deepEqual(ran, []);
  });
}

test("upholdInterface() of what keeps without commands is not kept from it by a chroot", async () => {
  const lines: string[] = [];
  const cleanup = new Cleanup();
  let looks = 0;
  const look = () => {
    looks += 1;
    return [];
  };
  const keeper = { look, announce: () => {}, close: () => {} };
  const libc = new BsdProcess(machineOf("FreeBSD 14")).libc;
  upholdInterface({ keep: () => keeper, entrusted: {} } as never, {
    libc,
    sandbox: "auto",
    log: logTo(lines),
    restorations: noRestorations(),
    cleanup,
    program: ["false"],
    user: undefined,
    chroot: "/var/empty",
  });
  while (looks < 2) await after(10);
  await cleanup.run();
  assert.deepEqual(lines, []);
});
