import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdtempSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { openLibc } from "#ffi/open.ts";
import { type ClientState, NO_STATE, StateFile, statePath } from "#src/daemon/client/state_file.ts";
import { StartError } from "#src/errors.ts";

const libc = await openLibc();
const folder = () => {
  const path = mkdtempSync(join(tmpdir(), "teredo-state-"));
  chmodSync(path, 0o700);
  return path;
};

const STATE: ClientState = {
  port: 50_123,
  names: new Map([["teredo.test", [0xc0000201, 0xc0000205]]]),
  mapping: { address: 0xc6336401, port: 40_000, flags: 0x1234 },
};

test("StateFile: what is written is found again, and is nobody else's to read", () => {
  const path = join(folder(), "made", "client.json");
  const first = new StateFile(libc, path, undefined);
  assert.deepEqual(first.found, NO_STATE);
  first.write(STATE);
  // Shorter, over what was longer.
  first.write({ ...STATE, names: new Map() });
  first.close();
  const second = new StateFile(libc, path, undefined);
  assert.deepEqual(second.found, { ...STATE, names: new Map() });
  assert.equal(second.problem, undefined);
  second.write(STATE);
  second.close();
  const third = new StateFile(libc, path, undefined);
  assert.deepEqual(third.found, STATE);
  third.close();
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

const HOSTILE: readonly (readonly [text: string, found: ClientState, problem?: RegExp])[] = [
  ["", NO_STATE],
  ["{", NO_STATE, /^no JSON$/],
  ["null", NO_STATE, /version/],
  ["[]", NO_STATE, /version/],
  ['{"version":2,"port":50000}', NO_STATE, /version/],
  ['{"version":1,"port":0}', NO_STATE],
  ['{"version":1,"port":65536}', NO_STATE],
  ['{"version":1,"port":"50000"}', NO_STATE],
  ['{"version":1,"port":50000,"names":null}', { ...NO_STATE, port: 50_000 }],
  [
    '{"version":1,"names":{"a":["192.0.2.1",7,null,"::1"],"b":"192.0.2.1"}}',
    { ...NO_STATE, names: new Map([["a", [0xc0000201]], ["b", []]]) },
  ],
  ['{"version":1,"mapping":{"address":"192.0.2.1","port":7,"flags":65536}}', NO_STATE],
  ['{"version":1,"mapping":[1]}', NO_STATE],
  [`{"version":1,"x":"${"x".repeat(100_000)}"}`, NO_STATE, /^no JSON$/],
];

for (const [text, found, problem = /^undefined$/] of HOSTILE) {
  test(`StateFile takes what is of use of ${text.slice(0, 60) || "nothing"}`, () => {
    const path = join(folder(), "client.json");
    writeFileSync(path, text, { mode: 0o600 });
    const file = new StateFile(libc, path, undefined);
    assert.deepEqual(file.found, found);
    assert.match(String(file.problem), problem);
    file.write(STATE);
    file.close();
    const again = new StateFile(libc, path, undefined);
    assert.deepEqual(again.found, STATE);
    again.close();
  });
}

test("StateFile writes over all that was there, whatever bytes that were", () => {
  for (const hex of ["efbbbf".repeat(200), "c3a4".repeat(300), "ff".repeat(600)]) {
    const path = join(folder(), "client.json");
    writeFileSync(path, Buffer.from(hex, "hex"), { mode: 0o600 });
    const first = new StateFile(libc, path, undefined);
    assert.deepEqual(first.found, NO_STATE);
    first.write(STATE);
    first.close();
    const second = new StateFile(libc, path, undefined);
    assert.deepEqual([second.found, second.problem], [STATE, undefined]);
    second.close();
  }
});

test("StateFile refuses what another has, or what leads elsewhere", () => {
  const here = folder();
  const victim = join(here, "victim");
  writeFileSync(victim, "keep me", { mode: 0o600 });
  symlinkSync(victim, join(here, "link"));
  linkSync(victim, join(here, "hard"));
  const open = new StateFile(libc, join(here, "used"), undefined);
  const refusals: readonly (readonly [path: string, want: RegExp, mend: RegExp])[] = [
    [
      join(here, "link"),
      /symbolic link/,
      /^rm '\S+\/link', or write the path of the file itself as `state_file`$/,
    ],
    [join(here, "hard"), /hard link/, /^see what it is$/],
    [join(here, "used"), /in use by another client/, /^give each a `state_file` of its own$/],
    [here, /EISDIR/, /^write a file in it as `state_file`, e\.g\. \S+\/client\.json$/],
    ["/dev/null", /not a regular file/, /^see what it is$/],
    [join(here, "not", "there", "client.json"), /no folder/, /^mkdir -p /],
    // No folder can be made there, nor a file, by whoever it is.
    ["/proc/client.json", /ENOENT|EACCES/, /write a path .* as `state_file`, e\.g\. \/var\/lib\//],
  ];
  for (const [path, want, mend] of refusals) {
    assert.throws(() => new StateFile(libc, path, undefined), (error) => {
      assert.ok(error instanceof StartError, path);
      assert.match(error.message, want);
      assert.match(error.mend ?? "", mend);
      return true;
    });
  }
  open.close();
  assert.equal(readFileSync(victim, "utf8"), "keep me");
});

test("StateFile makes no folder where a stranger could put something else in its place", () => {
  const here = folder();
  const path = join(here, "made", "client.json");
  const nobody = { name: "nobody", uid: 65_534, gid: 65_534, groups: [] };
  // As a stranger's is to us; what root may give away is tried where root runs this.
  if (process.getuid!() === 0) chownSync(here, nobody.uid, nobody.gid);
  else chmodSync(here, 0o777);
  assert.throws(() => new StateFile(libc, path, nobody), /could be made to lead elsewhere/);
  assert.equal(existsSync(join(here, "made")), false);
});

test("statePath is where the service manager says, else where hier(7) has it", () => {
  const given = { STATE_DIRECTORY: "/var/lib/private/x:/other" };
  assert.equal(statePath(given, "linux"), "/var/lib/private/x/client.json");
  assert.equal(statePath({}, "linux"), "/var/lib/teredo-client/client.json");
  assert.equal(statePath({}, "freebsd"), "/var/db/teredo-client.json");
});
