import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLibc } from "#ffi/open.ts";
import { readQuestion, write as writeQuestion } from "#src/daemon/client/apart/words.ts";
import { readDone, readErrand, write } from "#src/daemon/client/errands/words.ts";
import { StateFile } from "#src/daemon/client/state_file.ts";
import { readSaid, readWish, writeWish } from "#src/daemon/upkeep/words.ts";
import type { Entrusted } from "#src/datapath/keep/contract.ts";
import { inPrefix, parseIpv6Prefix } from "#src/protocol/wire/ipv6.ts";
import type { Prng } from "#test/sim/prng.ts";
import type { Target } from "../engine/target.ts";
import { mutateParts } from "../inputs/lines.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const PREFIX = parseIpv6Prefix("2001::/32")!;
/** What the process that keeps a client's interface has been told at its start. */
const ENTRUSTED: Entrusted = {
  interfaceName: "teredo",
  index: 7,
  mtu: 1280,
  queueLength: 2_000,
  prefix: PREFIX,
  routes: { metric: 10 },
  home: { metric: 1_000_000, table: 3544 },
};

const SEEDS = [
  '{"id":1,"lookUp":"teredo.example"}',
  '{"id":2,"lookUpHost":"example.org"}',
  '{"id":3,"hook":{"STATE":"up","IFACE":"teredo","IFINDEX":"7","ADDRESS":"2001:0:1::1","MTU":"1280"}}',
  '{"id":1,"addresses":[3221225985,1]}',
  '{"id":1,"hosts":["2001:db8::1"]}',
  '{"id":1,"problem":"too many at once"}',
  '{"id":1,"output":"said","failure":"status 1"}',
  '{"announce":true}',
  '{"home":{"onLink":true,"defaultRoute":true,"mtu":1280,"addresses":[{"at":"2001:0:1::1","deprecated":false}]}}',
  '{"event":"restored","what":"route","away":20}',
  '{"event":"refused","what":"route","problem":"EPERM","mend":"see"}',
  '{"event":"fought","what":"route","rivals":[{"name":"bird","mend":"stop it"}]}',
  '{"event":"blind","problem":"ENOBUFS"}',
  '{"id":1,"dns":"AAAA","server":"192.0.2.1"}',
  '{"version":1,"port":50000,"names":{"a.example":["192.0.2.1"]},"mapping":{"address":"192.0.2.45","port":40000,"flags":4660}}',
];
const PARTS = [
  ..."id lookUp lookUpHost hook addresses hosts problem output failure announce home event what away"
    .split(" "),
  ..."rivals name mend at deprecated onLink defaultRoute mtu version port names mapping address flags"
    .split(" "),
  ..."STATE IFACE IFINDEX ADDRESS OLD_MTU LD_PRELOAD PATH BASH_ENV __proto__ constructor".split(
    " ",
  ),
].map((word) => `"${word}":`);
const VALUES = [
  ..."0 1 -1 1e99 1.5 65535 65536 4294967296 true false null {} [] [null] [1] [{}] [[]]".split(" "),
  ...[
    "",
    "up",
    "a",
    "2001:0:1::1",
    "2001:db8::1",
    "192.0.2.1",
    "route",
    "teredo0",
    "; reboot",
    "a\\nb",
  ]
    .map((text) => `"${text}"`),
];

/** A key with a value, or either. */
function anyPart(random: Prng): string {
  const key = random.pick(PARTS);
  return [key + random.pick(VALUES), key, random.pick(VALUES)][random.below(3)]!;
}

/** What a daemon and its helpers say to each other, and what a client has kept: one JSON object each. */
export const target: Target = {
  name: "helpers",
  unit: 1,
  most: 4_096,
  seeds: () => SEEDS.map((text) => encoder.encode(text)),
  words: ["{", "}", "[", "]", ",", ":", '"', "\\u0000"].map((text) => encoder.encode(text)),
  mutate: (input, random) => mutateParts(input, random, ",", anyPart),
  open: async () => {
    const libc = await openLibc();
    const folder = mkdtempSync(join(tmpdir(), "teredo-fuzz-"));
    chmodSync(folder, 0o700);
    process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, "client.json");
    return (input) => {
      const line = decoder.decode(input).replaceAll("\n", " ");
      checkErrands(line);
      checkUpkeep(line);
      checkQuestion(line);
      writeFileSync(file, input, { mode: 0o600 });
      checkState(() => new StateFile(libc, file, undefined));
    };
  },
};

/** In what is told to a hook. */
const PLAIN = /^[\w.@+~#%=,:-]{1,39}$/;
const TOLD = /^(OLD_)?(STATE|ADDRESS|LLADDRESS|MTU)$|^IFACE$|^IFINDEX$/;

function checkErrands(line: string): void {
  const errand = readErrand(line);
  if (errand !== undefined) {
    assert.deepEqual(readErrand(write(errand)), errand);
    const told = "hook" in errand ? Object.entries(errand.hook) : [];
    for (const [name, value] of told) assert.ok(TOLD.test(name) && PLAIN.test(value), line);
    if ("lookUp" in errand) assert.match(errand.lookUp, /^[\w.-]{1,253}$/);
    if ("lookUpHost" in errand) assert.match(errand.lookUpHost, /^[\w.-]{1,253}$/);
  }
  const done = readDone(line);
  if (done === undefined) return;
  assert.deepEqual(readDone(write(done)), done);
  const addresses = "addresses" in done ? done.addresses : [];
  assert.ok(addresses.every((it) => it >>> 0 === it), line);
}

/** What is obeyed with a right is about addresses of the prefix, and an MTU that there can be. */
function checkUpkeep(line: string): void {
  const wish = readWish(line, ENTRUSTED);
  if (wish !== undefined) {
    assert.deepEqual(readWish(writeWish(wish), ENTRUSTED), wish);
    if ("home" in wish) {
      const { addresses, mtu } = wish.home;
      assert.ok(
        addresses.length <= 4 && addresses.every(({ bytes }) => inPrefix(bytes, 0, PREFIX)),
      );
      assert.ok(mtu >= 1280 && mtu <= 65_535);
    }
  }
  const said = readSaid(line);
  if (said !== undefined) assert.deepEqual(readSaid(JSON.stringify(said)), said);
}

function checkQuestion(line: string): void {
  const question = readQuestion(line);
  if (question !== undefined) assert.deepEqual(readQuestion(writeQuestion(question)), question);
}

/** Whatever stands in it, a client starts; what it takes of it is written, and is the same again. */
function checkState(open: () => StateFile): void {
  const first = open();
  const { found } = first;
  assert.ok(Number.isInteger(found.port) && found.port >= 0 && found.port < 65_536);
  for (const addresses of found.names.values()) assert.ok(addresses.every((it) => it >>> 0 === it));
  first.write(found);
  first.close();
  const second = open();
  assert.deepEqual(second.found, found);
  assert.equal(second.problem, undefined);
  second.close();
}
