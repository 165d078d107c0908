/**
 * A service manager with a store of descriptors, as small as can be:
 *
 *     keeper.ts PROGRAM ARGS...
 *
 * Runs the program with `NOTIFY_SOCKET`, keeps what it leaves there (`FDSTORE=1`), and at SIGHUP ends it
 * by SIGTERM and starts it again with what was kept (`LISTEN_FDS`). Prints `manager: STATE` for each
 * message and `gap MS` from the end of one to `READY=1` of the next. Ends with the program.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { unlinkSync } from "node:fs";
import process from "node:process";
import { Arena } from "#ffi/arena.ts";
import { cmsgSpace } from "#ffi/layout.ts";
import {
  AF_UNIX,
  CMSGHDR_DATA_AT,
  CMSGHDR_LEN_AT,
  IOVEC_BASE_AT,
  IOVEC_LEN_AT,
  MSG_DONTWAIT,
  MSGHDR_CONTROL_AT,
  MSGHDR_CONTROLLEN_AT,
  MSGHDR_IOV_AT,
  MSGHDR_IOVLEN_AT,
  SIZEOF_IOVEC,
  SIZEOF_MSGHDR,
  SOCK_DGRAM,
} from "#ffi/linux/mod.ts";
import { openLibc } from "#ffi/open.ts";

const MAX_LENGTH = 4_096;
const LOOK_EVERY = 5;
const PATH = `/run/keeper-${process.pid}`;

const libc = await openLibc();
const arena = new Arena(libc, 65_536);
const socket = libc.call.socket(AF_UNIX, SOCK_DGRAM | libc.layout.SOCK_CLOEXEC, 0);
const name = arena.take(110);
arena.u16[name >> 1] = AF_UNIX;
arena.u8.set(new TextEncoder().encode(PATH), name + 2);
if (libc.call.bind(socket, arena.address(name), 2 + PATH.length + 1) !== 0) throw new Error("bind");

const [header, vector, control, bytes] = [
  arena.take(SIZEOF_MSGHDR),
  arena.take(SIZEOF_IOVEC),
  arena.take(cmsgSpace(libc.layout, 4)),
  arena.take(MAX_LENGTH),
];

interface Message {
  readonly state: Readonly<Record<string, string | undefined>>;
  readonly fd: number | undefined;
}

function receive(): Message | undefined {
  const room = cmsgSpace(libc.layout, 4);
  arena.u8.fill(0, control, control + room);
  arena.writeU64(vector + IOVEC_BASE_AT, arena.address(bytes));
  arena.writeU64(vector + IOVEC_LEN_AT, MAX_LENGTH);
  arena.writeU64(header + MSGHDR_IOV_AT, arena.address(vector));
  arena.u32[(header + MSGHDR_IOVLEN_AT) >> 2] = 1;
  arena.writeU64(header + MSGHDR_CONTROL_AT, arena.address(control));
  arena.writeU64(header + MSGHDR_CONTROLLEN_AT, room);
  const length = libc.call.recvmsg(socket, arena.address(header), MSG_DONTWAIT);
  if (length < 0) return undefined;
  const text = new TextDecoder().decode(arena.u8.slice(bytes, bytes + length));
  const pairs = text.split("\n").map((line) => line.split("=", 2) as [string, string]);
  const hasOne = arena.u32[(control + CMSGHDR_LEN_AT) >> 2] === CMSGHDR_DATA_AT + 4;
  const fd = hasOne ? arena.i32[(control + CMSGHDR_DATA_AT) >> 2] : undefined;
  return { state: Object.fromEntries(pairs), fd };
}

const store: { name: string; fd: number }[] = [];
let endedAt: number | undefined;

function heed({ state, fd }: Message): void {
  const what = state["FDNAME"] ?? "";
  console.log(`manager: ${Object.entries(state).map((it) => it.join("=")).join(" ")}`);
  if (state["FDSTORE"] !== undefined && fd !== undefined) {
    store.push({ name: what, fd });
    return;
  }
  if (state["FDSTOREREMOVE"] !== undefined) {
    for (const it of store.filter((it) => it.name === what)) libc.call.close(it.fd);
    store.splice(0, store.length, ...store.filter((it) => it.name !== what));
  }
  if (state["READY"] !== undefined && endedAt !== undefined) {
    console.log(`gap ${Math.round(performance.now() - endedAt)}`);
  }
  if (fd !== undefined) libc.call.close(fd);
}

/** The shell knows its process id before it becomes the program. */
const AS_ITSELF = 'LISTEN_PID=$$; export LISTEN_PID; exec "$@"';

function start(): ChildProcess {
  const env = {
    ...process.env,
    NOTIFY_SOCKET: PATH,
    LISTEN_FDS: `${store.length}`,
    LISTEN_FDNAMES: store.map(({ name }) => name).join(":"),
  };
  const stdio = ["ignore", "inherit", "inherit", ...store.map(({ fd }) => fd)] as const;
  const child = spawn("sh", ["-c", AS_ITSELF, "sh", ...process.argv.slice(2)], {
    env,
    stdio: [...stdio],
  });
  child.once("exit", (status) => {
    heedAll();
    endedAt = performance.now();
    if (restarting) {
      restarting = false;
      running = start();
    } else {
      unlinkSync(PATH);
      process.exit(status ?? 1);
    }
  });
  return child;
}

function heedAll(): void {
  for (let message = receive(); message !== undefined; message = receive()) heed(message);
}

let restarting = false;
let running = start();
setInterval(heedAll, LOOK_EVERY);
process.on("SIGHUP", () => {
  restarting = true;
  running.kill("SIGTERM");
});
process.on("SIGTERM", () => running.kill("SIGTERM"));
