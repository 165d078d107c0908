import { writeSync } from "node:fs";
import process from "node:process";
import type { Libc } from "#ffi/libc.ts";
import type { Config } from "#src/config/config.ts";
import { linesOf } from "../../helper/lines.ts";
import { CLOCK } from "../clock.ts";
import type { Errands } from "../errands/process.ts";
import type { Answer } from "../servers/names.ts";
import type { Standpoint } from "../standpoint.ts";
import { type Command, runCommand } from "./command.ts";
import { NamesInside } from "./names.ts";
import { Questions, type Wanted } from "./questions.ts";
import {
  type Answered,
  type ApartTask,
  FIRST_SOCKET,
  type Question,
  readTask,
  readTold,
  type Running,
  type Told,
  write,
} from "./words.ts";

const STDOUT = 1;

type Ask = (wanted: Wanted) => Promise<Answered>;

/** A client inside namespaces of its own, and who is outside. */
export interface Apart {
  readonly task: ApartTask;
  /** Sockets that were opened outside: that of the service port, and those of random ports. */
  readonly sockets: readonly number[];
  /** Of the network outside. */
  readonly standpoint: Standpoint;
  /** Told of each other network outside. */
  onMove: () => void;
  readonly errands: Errands;
  /**
   * Has the namespace be one that programs can live in: with loopback, and name servers where they are
   * outside.
   *
   * @returns what ends it
   */
  bringUp(libc: Libc): Promise<() => void>;
  /** Runs the command, which signals are for from here on. */
  run(): Command;
}

/** The client inside: its task, and what is said from outside, come on standard input. */
export async function enterApart(): Promise<Apart> {
  const lines = linesOf(process.stdin);
  const { value: first = "" } = await lines.next();
  const task = readTask(first);
  const questions = new Questions(CLOCK, say);
  const ask = (wanted: Wanted) => questions.ask(wanted);
  const names = new NamesInside((server, message) => askDns(ask, server, message));
  const apart = {
    task,
    sockets: Array.from({ length: task.sockets }, (_, i) => FIRST_SOCKET + i),
    standpoint: task.standpoint,
    onMove: () => {},
    errands: errandsBy(ask),
    bringUp: async (libc: Libc) => {
      await names.serve(libc, task.nameServers);
      return () => names.close();
    },
    run: () => {
      say({ isRunning: true });
      return runCommand(task.command);
    },
  };
  void listen(lines, (told) => {
    if ("standpoint" in told) {
      apart.standpoint = told.standpoint;
      apart.onMove();
    } else if ("nameServers" in told) {
      void names.serveToo(told.nameServers);
    } else {
      questions.hear(told);
    }
  }).then(() => process.kill(process.pid, "SIGTERM"));
  return apart;
}

/** @returns false when nobody hears it */
function say(words: Question | Running): boolean {
  try {
    writeSync(STDOUT, write(words));
    return true;
  } catch {
    return false;
  }
}

/** Until whoever is outside is gone. */
async function listen(
  lines: AsyncIterable<string>,
  hear: (told: Told) => void,
): Promise<void> {
  for await (const line of lines) {
    const told = readTold(line);
    if (told !== undefined) hear(told);
  }
}

export function errandsBy(ask: Ask): Errands {
  return {
    pids: [],
    // Without whoever is outside this ends as well.
    gone: undefined,
    lookUp: async (lookUp): Promise<Answer> => {
      const told = await ask({ lookUp });
      if ("addresses" in told) return told;
      return { problem: "problem" in told ? told.problem : "no answer" };
    },
    lookUpHost: async (lookUpHost) => {
      const told = await ask({ lookUpHost });
      if ("hosts" in told) return told;
      return { problem: "problem" in told ? told.problem : "no answer" };
    },
    runHook: () => Promise.resolve({ output: "" }),
    stop: () => Promise.resolve(),
  };
}

async function askDns(
  ask: Ask,
  server: string,
  message: Uint8Array,
): Promise<Uint8Array | undefined> {
  const told = await ask({ server, dns: Buffer.from(message).toString("base64") });
  return "dns" in told ? Buffer.from(told.dns, "base64") : undefined;
}

/** A client's configuration where nothing of the host's is in reach. */
export function configApart(config: Config): Config {
  const process = {
    user: undefined,
    chroot: undefined,
    pidFile: undefined,
    sandbox: "off",
  } as const;
  return {
    ...config,
    client: {
      ...config.client,
      process,
      hook: undefined,
      whenNative: "keep",
      // It is the host's, where the socket is bound to it already.
      bindAddress: 0,
      // Answers come to a group that a socket of this namespace alone could join. RFC 4380 §5.2.8
      localDiscovery: false,
      drainTime: 0,
    },
    status: { ...config.status, enabled: false, control: "no" },
  };
}
