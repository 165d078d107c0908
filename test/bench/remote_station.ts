import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Lab } from "#src/demo/lab.ts";
import { PREFERRED } from "#test/load/load_lab.ts";
import type {
  Command,
  CountCommand,
  Counted,
  GreetCommand,
  Greeted,
  PingCommand,
  Pinged,
  SendCommand,
  Sent,
  StationPlan,
} from "./station_contract.ts";

/** The command that runs a script of this folder: before others on a shared machine, and pinned. */
export function benchScript(name: string, plan: unknown, pin: readonly string[] = []): string[] {
  const file = fileURLToPath(new URL(name, import.meta.url));
  return [...PREFERRED, ...pin, process.execPath, file, JSON.stringify(plan)];
}

type Answer<C extends Command> = C extends SendCommand ? Sent
  : C extends CountCommand ? Counted
  : C extends GreetCommand ? Greeted
  : C extends PingCommand ? Pinged
  : never;

/** A `station.ts` in a namespace of a lab; it ends with the lab, or when its input is closed. */
export class RemoteStation {
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  #problem = "";

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#answers = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    child.stderr!.setEncoding("utf8").on("data", (text: string) => this.#problem += text);
    child.stdin!.on("error", () => {}); // the next answer is missing, and says why
  }

  /** @param pin command that the program is to run under */
  static async start(
    lab: Lab,
    namespace: string,
    plan: StationPlan,
    pin: readonly string[],
  ): Promise<RemoteStation> {
    const [command, ...rest] = [
      ...lab.enterCommand(namespace).split(" "),
      ...benchScript("station.ts", plan, pin),
    ];
    const station = new RemoteStation(spawn(command!, rest, { stdio: ["pipe", "pipe", "pipe"] }));
    await station.#answer();
    return station;
  }

  /** One command at a time. @throws Error with what the station said when it failed */
  async do<C extends Command>(command: C): Promise<Answer<C>> {
    this.#child.stdin!.write(`${JSON.stringify(command)}\n`);
    return JSON.parse(await this.#answer());
  }

  async #answer(): Promise<string> {
    const { value, done } = await this.#answers.next();
    if (done) {
      throw new Error(`load generator: ${/error: .*/.exec(this.#problem)?.[0] ?? this.#problem}`);
    }
    return value;
  }
}
