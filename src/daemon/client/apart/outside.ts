import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { constants as osConstants, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { check } from "#ffi/errors.ts";
import { openLibc } from "#ffi/open.ts";
import { loadConfig } from "#src/config/load.ts";
import { openClientSockets } from "#src/datapath/start/client_sockets.ts";
import { StartError } from "#src/errors.ts";
import { Lines } from "../../helper/lines.ts";
import { hostOf } from "../../host/mod.ts";
import { everySecond } from "../../pulse.ts";
import { answerLookUp } from "../errands/look_up.ts";
import { isLookUp } from "../errands/words.ts";
import { keyOf, type Standpoint, standpointOf } from "../standpoint.ts";
import { askNameServer, nameServers } from "./resolver.ts";
import { APART, type ApartTask, type Question, readQuestion, type Told, write } from "./words.ts";

export interface ApartOptions extends Pick<ApartTask, "version" | "path" | "overrides" | "wait"> {
  /** The command that runs this very program. */
  readonly program: readonly string[];
  readonly command: string;
}

/** What makes the namespaces: a process with threads cannot do that for itself. unshare(2) */
const UNSHARE = "unshare";
const NAMESPACES = ["--user", "--map-root-user", "--net", "--"];
/** Added to the number of a signal, as shells do. */
const SIGNALLED = 128;

/**
 * Runs a command in a user and network namespace whose IPv6 goes through Teredo. Takes no right: UDP
 * sockets are opened here, the interface is made there. This process stays outside, and answers what can
 * be found out only here.
 *
 * @returns the command's exit status, or that of the client
 * @throws ConfigError, StartError
 */
export async function runApart(options: ApartOptions): Promise<number> {
  const { program, command, version, path, overrides, wait } = options;
  refuseWithoutUnshare();
  const { config } = loadConfig("client", { path, overrides });
  const libc = await openLibc();
  const watch = hostOf(libc).watchNetwork();
  // Who asks for this wants the tunnel, whatever else there is.
  const look = () => ({ ...standpointOf(watch, undefined, ""), native: undefined });
  const { bindAddress: address, bindPort: port, socketBuffer: buffer } = config.client;
  const { descriptors, close } = openClientSockets(libc, { address, port, buffer });
  const standpoint = look();
  const task: ApartTask = {
    ...{ version, path, overrides, wait, command, standpoint },
    sockets: descriptors.length,
    nameServers: nameServers(),
  };
  // Not 0 and 1 themselves: Deno closes those numbers in the child, which are its pipes there.
  const terminal = [0, 1].map((fd) => check(libc, libc.call.dup(fd), "dup", `descriptor ${fd}`));
  const folder = mkdtempSync(join(tmpdir(), "teredo-client-"));
  try {
    const child = spawn(UNSHARE, [...NAMESPACES, ...program, APART], {
      stdio: ["pipe", "pipe", "inherit", ...terminal, ...descriptors],
      env: { ...process.env, RUNTIME_DIRECTORY: folder },
    });
    close();
    for (const fd of terminal) libc.call.close(fd);
    child.stdin!.on("error", () => {}); // it may have ended
    child.stdin!.write(write(task));
    answer(child);
    const end = follow(child, look, standpoint);
    const forward = forwardSignals(child);
    const status = await statusOf(child);
    end();
    forward();
    return status;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function refuseWithoutUnshare(): void {
  const folders = (process.env["PATH"] ?? "").split(":");
  if (folders.some((folder) => isProgram(join(folder, UNSHARE)))) return;
  throw new StartError("`--run` takes the program `unshare`", "install util-linux");
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Tells of another network outside. @returns what ends it */
function follow(child: ChildProcess, look: () => Standpoint, first: Standpoint): () => void {
  let known = keyOf(first);
  return everySecond(() => {
    const standpoint = look();
    if (keyOf(standpoint) === known) return;
    known = keyOf(standpoint);
    child.stdin!.write(write({ standpoint }));
  });
}

function answer(child: ChildProcess): void {
  const lines = new Lines();
  const { stdin, stdout } = child;
  stdout!.setEncoding("utf8");
  stdout!.on("error", () => {});
  stdout!.on("data", (chunk: string) => {
    for (const line of lines.take(chunk, performance.now()) ?? []) {
      const question = readQuestion(line);
      if (question !== undefined) void find(question).then((told) => stdin!.write(write(told)));
    }
  });
}

async function find(question: Question): Promise<Told> {
  if (isLookUp(question)) return await answerLookUp(question);
  const { id, server, dns } = question;
  const found = await askNameServer(server, Buffer.from(dns, "base64"));
  if (found === undefined) return { id, problem: "the name server is silent" };
  return { id, dns: Buffer.from(found).toString("base64") };
}

/** Those of a terminal go to all of its processes; the command decides. @returns what ends it */
function forwardSignals(child: ChildProcess): () => void {
  const forward = (["SIGTERM", "SIGHUP"] as const).map((signal) =>
    [signal, () => void child.kill(signal)] as const
  );
  const ignore = (["SIGINT", "SIGQUIT"] as const).map((signal) => [signal, () => {}] as const);
  const all = [...forward, ...ignore];
  for (const [signal, listener] of all) process.on(signal, listener);
  return () => {
    for (const [signal, listener] of all) process.off(signal, listener);
  };
}

function statusOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", (error) => reject(new StartError(`${UNSHARE}: ${error.message}`)));
    child.once("exit", (status, signal) => resolve(statusFor(status, signal)));
  });
}

/** As a shell tells of a program that has ended. */
export function statusFor(status: number | null, signal: NodeJS.Signals | null): number {
  return signal === null ? status ?? 1 : SIGNALLED + osConstants.signals[signal];
}
