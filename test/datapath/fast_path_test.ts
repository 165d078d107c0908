import assert from "node:assert/strict";
import test from "node:test";
import { type FastPath, fastPathShare, noFastPath } from "#src/datapath/fast_path.ts";

const MAPS = { leases: 3, slots: 4, control: 5 };
const of = (leasesLimit: number): FastPath => ({
  ...noFastPath("", 0),
  maps: MAPS,
  report: () => ({ on: true, leasesLimit, leftAlone: {} }),
});

for (
  const [peers, workers] of [[65_536, 1], [65_536, 3], [7, 8], [1, 2], [1_048_576, 64]] as const
) {
  test(`fastPathShare() gives out each of ${peers} slots once among ${workers} workers`, () => {
    let next = 1;
    for (let i = 0; i < workers; i++) {
      const { range: [from, end], ...maps } = fastPathShare(of(peers), i, workers)!;
      assert.deepEqual(maps, MAPS);
      assert.equal(from, next, "slot 0 is nobody's");
      assert.ok(end >= from);
      next = end;
    }
    assert.equal(next, peers + 1);
  });
}

test("fastPathShare() of a fast path that there is none of is none", () => {
  const none = noFastPath("why", 9);
  assert.equal(fastPathShare(none, 0, 1), undefined);
  assert.deepEqual(none.report(), { on: false, note: "why", leasesLimit: 9, leftAlone: {} });
});
