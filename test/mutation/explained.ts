/** Changes that no test notices, each with its reason. */
export interface Explained {
  readonly path: string;
  /** Part of the line that was changed. */
  readonly code: string;
  readonly was: string;
  readonly text: string;
  readonly why: string;
  /** It changes something, which nobody has been promised: a size or a time that is ours to choose. */
  readonly isChosen: boolean;
}

const WRITTEN_FIRST = "it is written before anybody reads it";
const SPREADS = "entries share cells more often, which costs time alone";
const ROOM = "room for a byte more than is ever used";

const ANOTHER = "another number of the same use";

type Row = readonly [path: string, code: string, was: string, text: string, why: string];

/** Who changes one of these has chosen another size or time. */
const CHOSEN: readonly Row[] = [
  ["daemon/courtesy.ts", "const STEPS = 10", "10", "11", "how much is given way"],
  [
    "daemon/handover/form.ts",
    "FIRST_LINE_MOST + HEAD_MOST + ROWS_MOST",
    "+",
    "-",
    "how long a file is read",
  ],
  ["daemon/reload/reloader.ts", "PAUSE: Millis = 100", "100", "101", "how often signals reload"],
  [
    "protocol/client/servers/server.ts",
    "WEIGHT = 1 / 4",
    "1",
    "2",
    "how fast a round trip is believed",
  ],
  ["protocol/guard/broadcasts.ts", "const SHIFT = 22", "22", "23", SPREADS],
  ["segments/join.ts", "OPEN_RUNS = 8", "8", "9", "how many flows are joined at a time"],
  [
    "segments/super_packet.ts",
    "MAX_SEGMENTS = 2_048",
    "2_048",
    "2049",
    "what no TCP needs; the tests take it from here",
  ],
  ["segments/super_packet.ts", "MAX_HEADER_LENGTH = 512", "512", "513", "the same"],
];

/** Changes of which nobody sees anything. */
const ROWS: readonly Row[] = [
  [
    "config/assemble.ts",
    "process.length === 0 ? own",
    "0",
    "1",
    "a section has none of these settings or all",
  ],
  ["daemon/client/control.ts", "if (isAnew) this.#renewals++", "++", "--", ANOTHER],
  [
    "datapath/loop/host_rules.ts",
    "roundTrip: new Float32Array(options.maxPeers + 1)",
    "1",
    "2",
    "room for one more than is ever used",
  ],
  ["daemon/due.ts", "#revision = -1", "1", "2", ANOTHER],
  [
    "daemon/helper/process.ts",
    "if (!stopping) child.stdin.write(line)",
    "!stopping",
    "true",
    "what is written to a pipe that has ended is an error that nobody is told of",
  ],
  [
    "daemon/host/linux/network.ts",
    "const journey = from === 0",
    "from === 0",
    "false",
    "to the kernel 0.0.0.0 is no source",
  ],
  [
    "daemon/host/linux/network.ts",
    "ROOT_SERVERS_6[0]!",
    "0",
    "1",
    "another address in the middle of the IPv6 Internet",
  ],
  ["daemon/host/linux/unix_peers.ts", "Arena.plain(libc, 65_536)", "65_536", "65537", ROOM],
  ["daemon/peers/client_why.ts", "WAYS[row?.way ?? -1]", "1", "2", ANOTHER],
  ["daemon/sandbox/linux/seccomp.ts", "const ARENA = 64 * 1024", "1024", "1025", ROOM],
  ["daemon/sandbox/linux/threads.ts", "2 * LISTING + ROW", "2", "3", ROOM],
  [
    "daemon/sandbox/linux/threads.ts",
    "constants.O_RDONLY | constants.O_DIRECTORY",
    "|",
    "&",
    "it is a folder whatever it is opened as",
  ],
  [
    "daemon/sandbox/linux/landlock.ts",
    "if (fd < 0) return",
    "0",
    "1",
    "descriptor 0 is standard input by then",
  ],
  ["protocol/client/messages/advertisement.ts", "confirmation = 0", "0", "1", WRITTEN_FIRST],
  [
    "protocol/client/messages/advertisement.ts",
    "if (length < FIXED_LENGTH)",
    "length < FIXED_LENGTH",
    "false",
    "one that is so short has no prefix option, and is refused for that",
  ],
  ["protocol/client/rules.ts", "#version = 0", "0", "1", ANOTHER],
  [
    "protocol/client/servers/homes.ts",
    "if (current === NO_HOME) return;",
    "current === NO_HOME",
    "false",
    "an array of numbers takes nothing at -1",
  ],
  ["protocol/client/servers/inquiry.ts", "silentSince: Millis = 0", "0", "1", WRITTEN_FIRST],
  ["protocol/client/servers/nat.ts", "#isAddressSymmetric = false", "false", "true", WRITTEN_FIRST],
  [
    "protocol/client/servers/native_watch.ts",
    "this.#silentAt[i]! < this.#silentAt[oldest]!",
    "<",
    "<=",
    "which of two that have been silent as long is forgotten",
  ],
  ["protocol/client/servers/qualification.ts", "this.changes++", "++", "--", ANOTHER],
  ["protocol/client/servers/inquiry.ts", "#sent = 0", "0", "1", WRITTEN_FIRST],
  [
    "protocol/peers/leases.ts",
    "if (bubbles > 0 && at < peers.lastBubble(p)) return",
    ">",
    ">=",
    "without an open bubble the peer was heard of after the last one, and `at` is later still",
  ],
  ["protocol/peers/legacy.ts", "port = 0;", "0", "1", WRITTEN_FIRST],
  ["protocol/peers/legacy.ts", "local = 0;", "0", "1", WRITTEN_FIRST],
  [
    "protocol/peers/timers.ts",
    "bits === 0 && i < words",
    "<",
    "<=",
    "all words have been looked at by then: there is no timer",
  ],
  [
    "protocol/relay/rules.ts",
    "if (p !== NO_PEER && this.#peers.isSettledAt(p, address, port))",
    "!==",
    "===",
    "a settled peer goes the longer way, which comes to the same",
  ],
  ["protocol/server/solicitation.ts", "13 + 255 + 255 + 8 + 96", "13", "14", ROOM],
  ["segments/checksum.ts", "(wordsAt - at) & 1", "-", "+", "sum and difference are odd together"],
  ["segments/join.ts", "const NONE = -1", "1", "2", "another number of no run"],
  [
    "segments/sum_module.ts",
    "const LOCALS = [3, 1, I32, 1, I64, 2, V128]",
    "2",
    "3",
    "a variable that nothing uses",
  ],
  [
    "segments/sum_module.ts",
    "i % 2 === 0 ? EVEN : ODD",
    "2",
    "3",
    "which of two sums takes a word: they are added",
  ],
  ["segments/super_packet.ts", "#commonSum = 0", "0", "1", WRITTEN_FIRST],
  ["segments/super_packet.ts", "headerLength = 0", "0", "1", WRITTEN_FIRST],
];

const explained = (isChosen: boolean) => ([path, code, was, text, why]: Row): Explained => ({
  path: `src/${path}`,
  code,
  was,
  text,
  why,
  isChosen,
});

export const EXPLAINED: readonly Explained[] = [
  ...CHOSEN.map(explained(true)),
  ...ROWS.map(explained(false)),
];
