import assert from "node:assert/strict";
import test from "node:test";
import { callsOf } from "#ffi/linux/calls/mod.ts";
import { ENOSYS } from "#ffi/linux/mod.ts";
import {
  type Argued,
  daemonCalls,
  helperCalls,
  type Profile,
} from "#src/daemon/sandbox/linux/calls.ts";
import { filterOf, words } from "#src/daemon/sandbox/linux/filter.ts";
import { disassembleClassic } from "#src/datapath/linux/filter_text.ts";
import { ALLOWED, type Asked, Filtered, VIOLATION } from "./filtered.ts";

const OPTIONS = { timeout: 600_000 };
/** In the numbers of the calls of x32, which are made in the mode of x86-64. <asm/unistd.h> */
const X32 = 0x4000_0000;
const PID = 4242;
const HELPER = 4343;
const CALLS = callsOf();
const filtered = new Filtered();

const PROFILES: Readonly<Record<string, Profile>> = {
  "a daemon's, with user": daemonCalls({
    pid: PID,
    helpers: [HELPER],
    remakes: false,
    reprograms: false,
  }),
  "a daemon's, without": daemonCalls({ pid: PID, remakes: true, reprograms: true }),
  "a daemon's, with musl": daemonCalls({
    pid: PID,
    remakes: false,
    reprograms: false,
    tkills: true,
  }),
  "a helper's": helperCalls({ pid: PID }),
};

/** Calls that may be made with any arguments. */
const plainOf = ({ first, groups, argued }: Profile) =>
  [first, ...groups.map(({ calls }) => calls)].flatMap(words)
    .filter((name) => !argued.some(({ call }) => call === name));

/** Arguments for which all conditions of a row hold: each value in turn, the others' first ones. */
function holding(row: Argued["when"][number]): number[][] {
  return row.flatMap(({ argument, values }) =>
    values.map((value) => {
      const args = [0, 0, 0, 0, 0, 0];
      for (const it of row) args[it.argument] = it.values[0]!;
      args[argument] = value;
      return args;
    })
  );
}

/** Arguments of which every row has one that is wrong: numbers that nothing asks for. */
const WRONG = [0x7eec_beef, 0x7eec_beef, 0x7eec_beef, 0x7eec_beef, 0, 0];

interface Case {
  readonly name: string;
  readonly asked: Asked;
  readonly want: number;
}

function casesOf(profile: Profile): Case[] {
  const { argued, answered } = profile;
  const known = [
    ...plainOf(profile),
    ...argued.map(({ call }) => call),
    ...answered.map(({ call }) => call),
  ];
  const of = (name: string, args: readonly number[], want: number): Case[] => {
    const number = CALLS.numberOf(name);
    return number === undefined
      ? []
      : [{ name: `${name} ${args}`, asked: [number, ...args], want }];
  };
  // Of numbers without a name Linux has some for itself, with which it ends the process (335, 336).
  const others = Array.from({ length: CALLS.end }, (_, number) => CALLS.nameOf(number))
    .filter((name) => name !== undefined)
    .filter((name) => !known.includes(name))
    .flatMap((name) => of(name, [], VIOLATION));
  return [
    ...plainOf(profile).flatMap((name) => of(name, [], ALLOWED)),
    ...argued.flatMap(({ call, when, errno }) => [
      ...when.flatMap(holding).flatMap((args) => of(call, args, ALLOWED)),
      ...of(call, WRONG, errno ?? VIOLATION),
    ]),
    ...answered.flatMap(({ call, errno }) => of(call, [], errno)),
    ...others,
    { name: "one of the future", asked: [CALLS.end], want: ENOSYS },
    { name: "a far one", asked: [100_000], want: ENOSYS },
    ...(process.arch === "x64" ? [{ name: "write of x32", asked: [X32 + 1], want: ENOSYS }] : []),
  ];
}

for (const [name, profile] of Object.entries(PROFILES)) {
  test(
    `filterOf, ${name}: the kernel answers each call as its rule says, and all others by a violation`,
    OPTIONS,
    async () => {
      const program = filterOf(profile, "tell");
      const cases = casesOf(profile);
      const answers = await filtered.answers(program, cases.map(({ asked }) => asked));
      const wrong = cases.filter(({ want }, i) => answers[i] !== want);
      const shown = wrong.map(({ name, asked, want }) => {
        const got = answers[cases.findIndex((it) => it.asked === asked)];
        return `${name}: ${got}, want ${want}`;
      });
      assert.equal(shown.join("\n"), "", `${shown.join("\n")}\n${disassembleClassic(program)}`);
    },
  );
}

/** What somebody who is inside would try, and what no rule may let pass by an oversight. */
const HOSTILE: readonly (readonly [call: string, ...args: number[]])[] = [
  ["execve"],
  ["execveat"],
  ["ptrace"],
  ["process_vm_writev"],
  ["setuid", 0],
  ["setresuid", 0, 0, 0],
  ["setgroups"],
  ["capset"],
  ["mount"],
  ["move_mount"],
  ["unshare"],
  ["setns"],
  ["chroot"],
  ["pivot_root"],
  ["init_module"],
  ["kexec_load"],
  ["keyctl"],
  ["perf_event_open"],
  ["userfaultfd"],
  ["open_by_handle_at"],
  ["seccomp"],
  ["pidfd_getfd"],
  ["pidfd_send_signal"],
  ["personality"],
  ["socket", 17, 3, 0], // AF_PACKET
  ["socket", 2, 3, 1], // raw ICMP
  ["socket", 10, 3, 58], // raw ICMPv6
  ["socket", 16, 3, 9], // netlink of audit
  ["socket", 38, 5, 0], // AF_ALG
  ["socket", 40, 1, 0], // AF_VSOCK
  ["clone", 17], // a process
  ["kill", 1, 9],
  ["kill", -1, 9],
  ["tgkill", 1, 1, 9],
  ["rt_tgsigqueueinfo", 1, 1, 9],
  ["prlimit64", 1],
  ["chmod"],
  ["fchmod"],
  ["fchmodat"],
  ["fchmodat2"],
  ["chown"],
  ["fchownat"],
  ["setxattr"],
  ["mknodat"],
  ["mkdir"],
  ["mkdirat"],
  ["symlinkat"],
  ["linkat"],
  ["renameat2"],
  ["openat", 0, 0, 0x40, 0o4755], // O_CREAT, with the rights of its owner for whoever runs it
  ["openat", 0, 0, 0x41_0000, 0o2755], // O_TMPFILE, those of its group
  ["open", 0, 0x40, 0o4755],
  ["sendto", 0, 0, 0, 0x2000_0000], // MSG_FASTOPEN, by which TCP connects
  ["sendto", 0, 0, 0, 0x2000_4040],
  ["sendmsg", 0, 0, 0x2000_0000],
  ["sendmmsg", 0, 0, 0, 0x2000_0000],
  ["syslog"],
];

/** The same, where code of ours may ask too, and takes a refusal as it comes. */
const REFUSED: readonly (readonly [call: string, ...args: number[]])[] = [
  ["ioctl", 0, 0x5412], // TIOCSTI, which types
  ["ioctl", 0, 0x8914], // SIOCSIFFLAGS
  ["ioctl", 0, 0x8901], // FIOSETOWN: whom to signal, which is out of a filter's sight
  ["ioctl", 0, 0x8902], // SIOCSPGRP, which is the same
  ["fcntl", 0, 8, 1], // F_SETOWN, of another process
  ["fcntl", 0, 8, -PID], // of a group of them
  ["fcntl", 0, 10, 9], // F_SETSIG, for another signal than SIGIO
  ["fcntl", 0, 15], // F_SETOWN_EX, out of a filter's sight again
  ["fcntl", 0, 1024, 1], // F_SETLEASE
  ["socket", 1, 1, 0], // AF_UNIX, a stream, by which services are told what to do
  ["socket", 1, 0x80801, 0], // the same with flags, as a C library asks for its cache of names
  ["socket", 2, 1, 0], // TCP
  ["socket", 10, 1, 0],
  ["socket", 2, 2, 1], // ICMP by a datagram socket
  ["prctl", 4, 1], // PR_SET_DUMPABLE
  ["rt_sigaction", 31], // SIGSYS
  ["mmap", 0, 4096, 5, 1, 3], // PROT_READ | PROT_EXEC, MAP_SHARED
  ["clone3"],
  ["io_uring_setup"],
];

/** The same of a daemon with `user`, whose interface another process keeps and whose programs stay. */
const REFUSED_WITH_USER: typeof REFUSED = [
  ["bpf", 0], // BPF_MAP_CREATE
  ["bpf", 5], // BPF_PROG_LOAD
  ["bpf", 18], // BPF_BTF_LOAD
  ["bpf", 13], // BPF_PROG_GET_FD_BY_ID, of somebody else's
  ["ioctl", 0, 0x400454ca], // TUNSETIFF
  ["ioctl", 0, 0x400454cb], // TUNSETPERSIST
  ["ioctl", 0, 0x800454e0], // TUNSETSTEERINGEBPF
];

test("filterOf: a refusal is an errno where it is to be expected", OPTIONS, async () => {
  for (const [name, profile] of Object.entries(PROFILES)) {
    const program = filterOf(profile, "tell");
    const more = name === "a daemon's, with user" ? REFUSED_WITH_USER : [];
    const tried = [...REFUSED, ...more];
    const asked = tried.map(([call, ...args]) => [CALLS.numberOf(call)!, ...args]);
    const answers = await filtered.answers(program, asked);
    const passed = tried.filter((_, i) => [ALLOWED, VIOLATION].includes(answers[i]!));
    assert.equal(passed.length, 0, `${name}: ${passed.join("; ")}\n${disassembleClassic(program)}`);
  }
});

test(
  "filterOf: what somebody inside would try is a violation under every profile",
  OPTIONS,
  async () => {
    for (const [name, profile] of Object.entries(PROFILES)) {
      const program = filterOf(profile, "tell");
      const tried = HOSTILE.filter(([call]) => CALLS.numberOf(call) !== undefined);
      const asked = tried.map(([call, ...args]) => [CALLS.numberOf(call)!, ...args]);
      const answers = await filtered.answers(program, asked);
      const passed = tried.filter((_, i) => answers[i] !== VIOLATION);
      const shown = `${name}: ${passed.join("; ")}\n${disassembleClassic(program)}`;
      assert.equal(passed.length, 0, shown);
    }
  },
);

test("filterOf: tkill(2) is a violation unless the C library needs it", OPTIONS, async () => {
  const asked = [[CALLS.numberOf("tkill")!, 1, 9]];
  for (const [name, profile] of Object.entries(PROFILES)) {
    const [answer] = await filtered.answers(filterOf(profile, "tell"), asked);
    assert.equal(answer, name.endsWith("musl") ? ALLOWED : VIOLATION, name);
  }
});

test("filterOf: with `log` nothing is refused", () => {
  const returned = filterOf(PROFILES["a daemon's, with user"]!, "log")
    .flatMap((line) => typeof line !== "string" && (line.code & 7) === 6 ? [line.k >>> 0] : []);
  // The last is for the calls of another processor's mode.
  assert.deepEqual([...new Set(returned)].sort(), [0x7ffc_0000, 0x7fff_0000, 0x8000_0000].sort());
});

test("filterOf: a profile names calls that there are, on both processors", () => {
  const known = new Set(["x64", "arm64"].flatMap((architecture) => {
    const calls = callsOf(architecture);
    return Array.from({ length: calls.end }, (_, number) => calls.nameOf(number));
  }));
  for (const profile of Object.values(PROFILES)) {
    const plain = profile.groups.flatMap(({ calls }) => words(calls));
    const names = [...plain, ...profile.argued.map(({ call }) => call)];
    assert.deepEqual(names.filter((name) => !known.has(name)), []);
    assert.equal(new Set(names).size, names.length, "one stands twice");
  }
  assert.doesNotThrow(() => filterOf(PROFILES["a helper's"]!, "tell", "arm64"));
});
