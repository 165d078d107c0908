import assert from "node:assert/strict";
import test from "node:test";
import { compare, goAlignment, goSource, numbersOf, TARGETS } from "./sources.ts";

/** Said by no file of that package: `rust_test.ts` has many, `layout_test.ts` the others. */
const UNSEEN = new RegExp(
  "^(CMSGHDR_DATA_AT|CMSG_ALIGNMENT|FIONBIO|ICMP6_FILTER_BLOCK|IFMEDIAREQ_\\w+_AT|IFM_A\\w+|IFREQ_\\w+_AT|IN6_IFREQ_ADDR_AT|IN6_NDIREQ_FLAGS_AT|LOG_\\w+|MMSGHDR_\\w+|" +
    "ND6_\\w+|RT_ROUNDUP|SIOCGIFAFLAG_IN6|SIOCGIFINFO_IN6|SIZEOF_(IFMEDIAREQ|IFREQ|IN6_IFREQ|IN6_NDIREQ|MMSGHDR|SOCKLEN_T)|TUN\\w+)$",
);

for (const target of TARGETS) {
  const { name, layout } = target;

  test(`numbers and structures of ${name} are what Go found there`, () => {
    const unseen = compare(name, numbersOf(layout), goSource(target));
    assert.deepEqual(unseen.filter((key) => !UNSEEN.test(key)), []);
  });

  test(`struct sockaddr of ${name} starts as hasSockaddrLength says`, () => {
    const sockaddr = goSource(target).structure("sockaddr_in")!;
    assert.equal(layout.hasSockaddrLength, sockaddr.offsets.has("len"));
    assert.deepEqual([sockaddr.offsets.get("len"), sockaddr.offsets.get("family")], [0, 1]);
  });

  test(`localAddress of ${name} is IP_RECVDSTADDR and IP_SENDSRCADDR`, () => {
    const { constants } = goSource(target);
    const { option, receivedType, sentType } = layout.localAddress;
    assert.equal(option, constants.get("IP_RECVDSTADDR"));
    assert.equal(receivedType, constants.get("IP_RECVDSTADDR"));
    // NetBSD's and DragonFly's tables are from before they had it.
    const sending = constants.get("IP_SENDSRCADDR");
    assert.equal(sending === undefined, ["netbsd", "dragonfly"].includes(target.system));
    assert.equal(sentType, sending ?? sentType);
  });

  test(`the requests of ${name} say how long a struct ifreq is`, () => {
    const { constants } = goSource(target);
    assert.equal(layout.SIZEOF_IFREQ, constants.get("SIOCGIFFLAGS")! >>> 16 & 0x1fff);
  });

  test(`errors of ${name} have Go's symbols and words`, () => {
    const { errors } = goSource(target);
    assert.ok(errors.length > 90);
    for (const [number, symbol, text] of errors) {
      if (symbol === "EASYNC") continue; // never given to a program
      const ours = layout.errors.get(number);
      assert.ok(ours, `${number} ${symbol}`);
      // Go takes one of several names for a number, and writes words small.
      assert.equal(ours[0], ALIASES[`${number} ${symbol}`] ?? symbol);
      assert.equal(ours[1].toLowerCase(), text.toLowerCase());
    }
    const newer = [...layout.errors.keys()].filter((key) => !errors.some(([n]) => n === key));
    assert.deepEqual(newer, target.system === "netbsd" ? [97, 98] : []);
  });
}

const ALIASES: Readonly<Record<string, string>> = {
  "35 EWOULDBLOCK": "EAGAIN",
  "95 ELAST": "EPROTO",
  "96 ELAST": "EPROTO",
};

test("CMSG_ALIGNMENT is what Go takes it to be", () => {
  const code = goAlignment();
  assert.match(code, /salign := SizeofPtr/);
  assert.match(
    code,
    /runtime\.GOOS == "netbsd" && runtime\.GOARCH == "arm64" \{\n\s+salign = 16/,
  );
  for (const { name, layout } of TARGETS) {
    assert.equal(layout.CMSG_ALIGNMENT, name === "netbsd arm64" ? 16 : 8, name);
  }
});
