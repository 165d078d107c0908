import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { NAT_KINDS } from "#src/demo/nat.ts";
import { inLanes } from "./lanes.ts";
import { teredo, wait } from "./programs.ts";

const OPTIONS = { timeout: 600_000 };

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

class Running {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  stdout = "";
  stderr = "";

  constructor(argv: readonly string[]) {
    const [command, ...rest] = argv;
    const child = spawn(command!, rest, { stdio: ["ignore", "pipe", "pipe"] });
    this.pid = child.pid!;
    child.stdout.setEncoding("utf8").on("data", (text: string) => this.stdout += text);
    child.stderr.setEncoding("utf8").on("data", (text: string) => this.stderr += text);
    this.ended = once(child, "close").then(([status]) => ({
      status,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
  }

  async until(pattern: RegExp): Promise<void> {
    let ended: Ended | undefined;
    void this.ended.then((it) => ended = it);
    while (!pattern.test(this.stdout)) {
      if (ended !== undefined) {
        assert.fail(`ended without ${pattern}: ${ended.stdout}${ended.stderr}`);
      }
      await wait(20);
    }
  }
}

/** Processes with the demo's mark that do not end by themselves: the kernel takes a moment. */
async function leftBehind(mark: string): Promise<string[]> {
  for (let i = 0; i < 2_400 && marked(mark).length > 0; i++) await wait(50);
  return marked(mark).map((pid) => readFileSync(`/proc/${pid}/cmdline`, "latin1"));
}

function marked(mark: string): string[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).filter((pid) => {
    try {
      const zombie = readFileSync(`/proc/${pid}/stat`, "latin1").includes(") Z ");
      return !zombie && readFileSync(`/proc/${pid}/environ`, "latin1").includes(mark);
    } catch {
      return false; // it has ended meanwhile
    }
  });
}

/** The demo with a mark in its environment, which every process it starts inherits. */
function start(...args: string[]): { demo: Running; mark: string } {
  const mark = `TEREDO_TEST_MARK=${Math.random().toString(36).slice(2)}`;
  return { demo: new Running(["env", mark, ...teredo("demo", ...args)]), mark };
}

/** All of them before a release. */
const KINDS = process.env["TEREDO_DEMO"] === "all"
  ? NAT_KINDS
  : NAT_KINDS.filter((nat) => ["none", "port-restricted", "symmetric"].includes(nat));

const shows = inLanes(KINDS.map((nat) => async () => {
  const { demo, mark } = start("--nat", nat);
  return { ...await demo.ended, left: await leftBehind(mark) };
}));

for (const [i, nat] of KINDS.entries()) {
  test(`teredo demo --nat ${nat} shows the bubbles and answers every ping`, OPTIONS, async () => {
    const { status, stdout, stderr, left } = await shows[i]!;
    assert.equal(status, 0, stdout + stderr);
    assert.match(stdout, /answered 4 of 4 pings/);
    assert.match(stdout, /relay:3545 > server:3544 +bubble fe80::\S+ > client/);
    assert.match(stdout, /server:3544 > nat:\d+ +origin relay:3545 \| bubble/);
    assert.match(stdout, /teredo_bubbles_answered_total 1/);
    assert.deepEqual(left, []);
  });
}

test("teredo demo --clients 2 shows how two clients find each other", OPTIONS, async () => {
  const { demo, mark } = start("--clients", "2");
  const { status, stdout, stderr } = await demo.ended;
  assert.equal(status, 0, stdout + stderr);
  assert.match(stdout, /seen as 198\.51\.100\.21:\d+, NAT: symmetric port/);
  assert.match(stdout, /nat1:\d+ > server:3544 +bubble client1 > client2 \| nonce [0-9a-f]{8}/);
  assert.match(stdout, /nat2:\d+ > nat1:\d+ +echo reply 1 client2 > client1/);
  // It sends until as many are answered: more, where the first answer takes long.
  for (const i of [1, 2, 3, 4]) assert.match(stdout, new RegExp(` icmp_seq=${i} ttl=64 time=`));
  assert.deepEqual(await leftBehind(mark), []);
});

for (const [signal, status] of [["SIGINT", 1], ["SIGTERM", 1], ["SIGKILL", null]] as const) {
  test(`teredo demo leaves nothing behind after ${signal}`, OPTIONS, async () => {
    const { demo, mark } = start();
    await demo.until(/echo request 1/);
    process.kill(demo.pid, signal);
    assert.equal((await demo.ended).status, status);
    assert.deepEqual(await leftBehind(mark), []);
  });
}

test("teredo demo --keep stays until Ctrl-C, and its commands lead inside", OPTIONS, async () => {
  const { demo } = start("--keep");
  await demo.until(/# both links/);
  const enter = /^ +(nsenter \S.*netns\/rly -- )sh /m.exec(demo.stdout)![1]!;
  const inside = new Running([...enter.trim().split(" "), "ip", "-br", "link", "show", "teredo"]);
  assert.match((await inside.ended).stdout, /^teredo/);
  process.kill(demo.pid, "SIGINT");
  assert.equal((await demo.ended).status, 0);
});

test("teredo demo runs for a user who is not root, or says what to allow", OPTIONS, async () => {
  const directory = mkdtempSync(join(tmpdir(), "teredo-demo-"));
  try {
    chmodSync(directory, 0o755);
    const [program, ...rest] = teredo("demo");
    const copy = join(directory, "program");
    copyFileSync(program!, copy); // the user may not be able to look into our home
    chmodSync(copy, 0o755);
    const unprivileged = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    const { status, stdout, stderr } = await new Running([...unprivileged, copy, ...rest]).ended;
    if (status === 0) assert.match(stdout, /answered 4 of 4 pings/);
    else assert.match(stderr, /user namespaces|\/dev\/net\/tun/, stdout + stderr);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test(
  "teredo demo names the tools that are missing and the package they come in",
  OPTIONS,
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "teredo-demo-"));
    try {
      // A mount namespace in which nft is a file that nobody can execute.
      const hide = `mount -t tmpfs tmpfs ${directory} && touch ${directory}/nft && ` +
        `for f in $(which -a nft); do mount --bind ${directory}/nft "$f"; done; exec "$@"`;
      const argv = ["unshare", "--mount", "sh", "-c", hide, "sh", ...teredo("demo")];
      const { status, stderr } = await new Running(argv).ended;
      assert.equal(status, 1);
      assert.match(stderr, /nft.*apt-get install nftables/);
    } finally {
      rmSync(directory, { recursive: true });
    }
  },
);
