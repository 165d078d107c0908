import assert from "node:assert/strict";
import test from "node:test";
import type { Datapath, OpenRole } from "#src/datapath/datapath.ts";
import { type FastPath, noFastPath } from "#src/datapath/fast_path.ts";
import { openRelay, type RelayStart } from "#src/datapath/start/relay.ts";
import type { Serve } from "#src/datapath/threads/supervise.ts";
import { machineOf } from "#test/kernel/bsd/hosts.ts";
import { BsdProcess, RELAY } from "#test/kernel/bsd/process.ts";

const addresses = (count: number) => Array.from({ length: count }, (_, i) => 0xc000_0200 + i);
/** 2001:db8::1 */
const SERVED = [{ bytes: Uint8Array.of(0x20, 1, 0xd, 0xb8, ...Array(11).fill(0), 1), length: 128 }];
const HAND_OVER: Serve = () => Promise.resolve({} as never);

/** A relay whose threads do nothing, and what its fast path was told to serve. */
class Lab {
  readonly told: unknown[] = [];
  readonly #process = new BsdProcess(machineOf("FreeBSD 14"));
  readonly #open: OpenRole;

  constructor(rules: Partial<RelayStart["rules"]> = {}) {
    const serve: FastPath["serve"] = (served) => void this.told.push(served);
    const openFastPath = () => ({ ...noFastPath("of paper", 0), serve });
    const fastPath = { refusal: undefined, peers: 0 };
    this.#open = openRelay(
      this.#process.libc,
      { ...RELAY, fastPath, rules: { ...RELAY.rules, ...rules } },
      { ...this.#process.ways, openFastPath },
      HAND_OVER,
    );
  }

  start(): Promise<Datapath> {
    return this.#open.start();
  }

  close(): void {
    this.#open.close();
    assert.deepEqual(this.#process.libc.faults, []);
  }
}

test("setRules() of a relay leaves the fast path as it is where the threads have no room for them", async () => {
  const lab = new Lab();
  const { setRules } = await lab.start();
  const rules = { ...RELAY.rules, served: SERVED };
  assert.equal(setRules({ ...rules, ownAddresses: addresses(10_000) }), false);
  assert.deepEqual(lab.told, []);
  assert.equal(setRules(rules), true);
  assert.deepEqual(lab.told, [SERVED]);
  lab.close();
});

test("setRules() of a relay has room for what it began with, and as much again", async () => {
  const lab = new Lab({ ownAddresses: addresses(10_000) });
  const { setRules } = await lab.start();
  assert.equal(setRules({ ...RELAY.rules, ownAddresses: addresses(20_000) }), true);
  lab.close();
});
