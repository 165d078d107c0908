import assert from "node:assert/strict";
import test from "node:test";
import { type FunctionName, LIBC } from "#ffi/libc.ts";
import { compare, numbersOf, rustSource, TARGETS } from "./sources.ts";

/** Said by no file of that crate: `golang_test.ts` has all but TUN's. */
const UNSEEN = new RegExp(
  "^(CMSGHDR_DATA_AT|CMSG_ALIGNMENT|FD_CLOEXEC|ICMP6_FILTER|ICMP6_FILTER_BLOCK|IFF_\\w+|IFNAMSIZ|" +
    "IFMEDIAREQ_\\w+_AT|IFM_A\\w+|IFREQ_\\w+_AT|IN6_IFREQ_ADDR_AT|IN6_NDIREQ_FLAGS_AT|LOG_(CONS|NDELAY|PID)|MMSGHDR_\\w+|RTA_\\w+|RTF_\\w+|ND6_\\w+|RTM_\\w+|RT_\\w+|SIOC\\w+|" +
    "SIZEOF_(ICMP6_FILTER|IFMEDIAREQ|IFREQ|IN6_IFREQ|IN6_NDIREQ|MMSGHDR|RT_MSGHDR|SOCKADDR_DL|SOCKLEN_T)|TUN\\w+)$",
);

/** Functions that the crate's version does not declare yet, or never, with the reason. */
const UNDECLARED: Readonly<Record<string, readonly FunctionName[]>> = {
  openbsd: ["recvmmsg", "sendmmsg"], // since OpenBSD 7.2
};

for (const target of TARGETS) {
  const { name, layout, platform, system } = target;

  test(`numbers and structures of ${name} are what Rust's libc has`, () => {
    const unseen = compare(name, numbersOf(layout), rustSource(target));
    assert.deepEqual(unseen.filter((key) => !UNSEEN.test(key)), []);
  });

  test(`struct mmsghdr of ${name} has its length behind its struct msghdr`, () => {
    const mmsghdr = rustSource(target).structure("mmsghdr");
    const declares = ["freebsd", "netbsd"].includes(system);
    assert.equal(mmsghdr !== undefined, declares);
    assert.equal(layout.MMSGHDR_LEN_AT, mmsghdr?.offsets.get("len") ?? layout.SIZEOF_MSGHDR);
    assert.equal(layout.SIZEOF_MMSGHDR, mmsghdr?.size ?? layout.SIZEOF_MSGHDR + 8);
  });

  test(`localAddress of ${name} is IP_RECVDSTADDR and IP_SENDSRCADDR`, () => {
    const { constants } = rustSource(target);
    const { receivedType, sentType } = layout.localAddress;
    assert.equal(receivedType, constants.get("IP_RECVDSTADDR"));
    assert.equal(sentType, constants.get("IP_SENDSRCADDR"));
  });

  test(`the linker knows libc's functions of ${name} by the names we have`, () => {
    const source = rustSource(target);
    const { errnoLocation, missing, symbols } = platform.names;
    assert.equal(source.symbolOf(errnoLocation), errnoLocation);
    for (const key of Object.keys(LIBC) as FunctionName[]) {
      const theirs = source.symbolOf(key);
      if (key === "syscall") assert.ok(missing.includes(key)); // its numbers are Linux's
      else if (UNDECLARED[system]?.includes(key)) assert.equal(theirs, undefined, key);
      else assert.equal(missing.includes(key) ? undefined : symbols[key] ?? key, theirs, key);
    }
  });

  test(`CMSG_ALIGNMENT of ${name} is one more than _ALIGNBYTES`, () => {
    const { alignBytes } = rustSource(target);
    if (system === "dragonfly") assert.equal(alignBytes, undefined); // a function of its own there
    // The crate has an int's, where <arm/cdefs.h> and Go have an __int128_t's.
    else if (name === "netbsd arm64") assert.equal(alignBytes, 3);
    else assert.equal(layout.CMSG_ALIGNMENT, alignBytes! + 1);
  });
}
