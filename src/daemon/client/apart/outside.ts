import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { check } from "#ffi/errors.ts";
import { openLibc } from "#ffi/open.ts";
import { loadConfig } from "#src/config/load.ts";
import { openClientSockets } from "#src/datapath/start/client_sockets.ts";
import { namespacesRefused, StartError } from "#src/errors.ts";
import { chooseServers } from "#src/protocol/client/servers/choose.ts";
import { hostOf } from "../../host/mod.ts";
import { everySecond } from "../../pulse.ts";
import { OF_COMMANDS } from "../../signals.ts";
import { answerLookUp } from "../errands/look_up.ts";
import { isLookUp } from "../errands/words.ts";
import { keyOf, type Standpoint, standpointOf } from "../standpoint.ts";
import { Answering } from "./answering.ts";
import { statusFor } from "./command.ts";
import { askNameServer, nameServers } from "./resolver.ts";
import { type Answered, APART, type ApartTask, type Question, write } from "./words.ts";

export interface ApartOptions extends Pick<ApartTask, "version" | "path" | "overrides" | "wait"> {
  /** The command that runs this very program. */
  readonly program: readonly string[];
  readonly command: string;
}

/** What makes the namespaces: a process with threads cannot do that for itself. unshare(2) */
const UNSHARE = "unshare";
const NAMESPACES = ["--user", "--map-root-user", "--net", "--"];
/** Characters that the client inside has not read; answers beyond are not kept for it. */
const UNREAD_MAX = 1024 * 1024;

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
  refuseWithoutNamespaces();
  const { config } = loadConfig("client", { path, overrides });
  const libc = await openLibc();
  const watch = hostOf(libc).watchNetwork(config.client.prefix);
  const names = new Map<string, readonly number[]>();
  const look = () => {
    const servers = chooseServers(config.client.servers, (name) => names.get(name))
      .map(({ primary }) => primary);
    // Who asks for this wants the tunnel, whatever else there is.
    return { ...standpointOf(watch, servers, "", address), native: undefined };
  };
  const { bindAddress: address, bindPort, socketBuffer: buffer } = config.client;
  // The file's is for the host's own client, which may run beside this one.
  const port = "client.bind_port" in overrides ? bindPort : 0;
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
  const signals = new Passing();
  try {
    const child = spawn(UNSHARE, [...NAMESPACES, ...program, APART], {
      stdio: ["pipe", "pipe", "inherit", ...terminal, ...descriptors],
      env: { ...process.env, RUNTIME_DIRECTORY: folder },
    });
    close();
    for (const fd of terminal) libc.call.close(fd);
    child.stdin!.on("error", () => {}); // it may have ended
    child.stdin!.write(write(task));
    signals.pass(child);
    answer(child, names, () => signals.leave());
    const end = follow(child, look, task);
    const status = await statusOf(child);
    end();
    return signals.statusOf(status);
  } finally {
    signals.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Tries it out: of a client that has ended nobody could tell whether it was ever there. */
function refuseWithoutNamespaces(): void {
  const tried = spawnSync(UNSHARE, [...NAMESPACES, "/bin/sh", "-c", ":"], { encoding: "utf8" });
  const { status, stderr, error } = tried;
  if (status === 0) return;
  if (error !== undefined && "code" in error && error.code === "ENOENT") {
    throw new StartError("`--run` takes the program `unshare`", "install util-linux");
  }
  const why = error?.message ?? (stderr.trim() || `\`${UNSHARE}\` ended with ${status}`);
  throw namespacesRefused("`--run`", why, process.getuid?.() === 0);
}

/** Tells of another network outside. @returns what ends it */
function follow(child: ChildProcess, look: () => Standpoint, first: ApartTask): () => void {
  let known = keyOf(first.standpoint);
  let servers = first.nameServers.join();
  return everySecond(() => {
    let standpoint: Standpoint;
    try {
      standpoint = look();
    } catch {
      return; // The next second has another look: what stands meanwhile is what was seen before.
    }
    const now = { standpoint, nameServers: nameServers() };
    const [key, list] = [keyOf(now.standpoint), now.nameServers.join()];
    if (key !== known) child.stdin!.write(write({ standpoint: now.standpoint }));
    if (list !== servers) child.stdin!.write(write({ nameServers: now.nameServers }));
    [known, servers] = [key, list];
  });
}

/** @param names takes what servers' names are found to be */
function answer(
  child: ChildProcess,
  names: Map<string, readonly number[]>,
  runs: () => void,
): void {
  const { stdin, stdout } = child;
  let unread = 0;
  const answering = new Answering({
    runs,
    find: async (question) => {
      const answer = await find(question);
      if ("lookUp" in question && "addresses" in answer) {
        names.set(question.lookUp, answer.addresses);
      }
      return answer;
    },
    tell: (answer) => {
      if (unread >= UNREAD_MAX) return;
      const line = write(answer);
      unread += line.length;
      // Not by `writableLength`, which is 0 on Bun whatever waits.
      stdin!.write(line, () => unread -= line.length);
    },
  });
  stdout!.setEncoding("utf8");
  stdout!.on("error", () => {});
  stdout!.on("data", (chunk: string) => answering.take(chunk));
}

async function find(question: Question): Promise<Answered> {
  if (isLookUp(question)) return await answerLookUp(question);
  const { id, server, dns } = question;
  const found = await askNameServer(server, Buffer.from(dns, "base64"));
  if (found === undefined) return { id, problem: "the name server is silent" };
  return { id, dns: Buffer.from(found).toString("base64") };
}

const ENDING = ["SIGTERM", "SIGHUP", ...OF_COMMANDS.left] as const;

/**
 * Signals end the client inside as long as it runs no command; after that the command decides, which is
 * sent on what a terminal does not send it.
 */
class Passing {
  #child: ChildProcess | undefined;
  readonly #listeners = ENDING.map((signal) => [signal, () => this.#come(signal)] as const);
  #isLeft = false;
  /** By which it is to end. */
  #ending: NodeJS.Signals | undefined;

  constructor() {
    for (const [signal, listener] of this.#listeners) process.on(signal, listener);
  }

  /** @param child the client inside, which may have to end at once */
  pass(child: ChildProcess): void {
    this.#child = child;
    if (this.#ending !== undefined) child.kill("SIGTERM");
  }

  /** To the command, from here on. */
  leave(): void {
    this.#isLeft = true;
  }

  /** @param status of the client inside */
  statusOf(status: number): number {
    return this.#ending === undefined ? status : statusFor(null, this.#ending);
  }

  close(): void {
    for (const [signal, listener] of this.#listeners) process.off(signal, listener);
  }

  #come(signal: NodeJS.Signals): void {
    if (this.#isLeft) {
      if (!OF_COMMANDS.left.includes(signal)) this.#child?.kill(signal);
      return;
    }
    this.#ending ??= signal;
    this.#child?.kill("SIGTERM");
  }
}

function statusOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", (error) => reject(new StartError(`${UNSHARE}: ${error.message}`)));
    child.once("exit", (status, signal) => resolve(statusFor(status, signal)));
  });
}
