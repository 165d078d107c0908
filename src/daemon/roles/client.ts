import { networkInterfaces } from "node:os";
import type { Config } from "#src/config/config.ts";
import type { Datapath, OpenRole } from "#src/datapath/datapath.ts";
import type { Millis } from "#src/protocol/time.ts";
import { CLOCK } from "../client/clock.ts";
import { ClientControl } from "../client/control.ts";
import { Hook } from "../client/hook.ts";
import { choosePort } from "../client/port.ts";
import { Sleep } from "../client/sleep.ts";
import { mendOfWait } from "../client/state.ts";
import type { Place } from "../client/hook.ts";
import { type Surroundings, surroundingsOf } from "../client/surroundings/mod.ts";
import type { Context } from "../context.ts";
import { NO_HANDOVER } from "../handover/mod.ts";
import { bootClock } from "../history/wall_time.ts";
import { openClient } from "../open.ts";
import { everySecond } from "../pulse.ts";
import { hostPrefixes } from "../served.ts";
import type { RoleLife, Serving } from "./contract.ts";

const SECOND: Millis = 1_000;

export function clientLife(context: Context): RoleLife {
  return new ClientLife(context);
}

/** A client's life: {@link ClientControl} leads it, this gives it what it takes. */
class ClientLife implements RoleLife {
  readonly tellsOffloads = true;
  readonly handover = () => NO_HANDOVER;
  readonly #context: Context;
  readonly #surroundings: Surroundings;
  readonly #ended = Promise.withResolvers<number>();
  readonly #control: ClientControl;
  #isQualified = false;
  #open: OpenRole | undefined;
  #serving: Serving | undefined;

  constructor(context: Context) {
    this.#context = context;
    this.#surroundings = surroundingsOf(context);
    context.cleanup.add(() => this.#surroundings.close());
    this.#control = this.#makeControl();
  }

  get helpers(): readonly number[] {
    return this.#surroundings.errands?.pids ?? [];
  }

  get ended(): Promise<number> {
    return this.#ended.promise;
  }

  open(): OpenRole {
    const { config: { client, status: { record } }, libc, host } = this.#context;
    const { kept, sockets } = this.#surroundings;
    const isFree = (port: number) => host.refusesUdp(client.bindAddress, port) === undefined;
    const port = client.bindPort || choosePort(kept.found.port, isFree);
    const { rules } = this.#control;
    this.#open = openClient(libc, client, port, record, rules, sockets);
    return this.#open;
  }

  serve(serving: Serving): void {
    this.#serving = serving;
    const { state, libc, cleanup, options: { wait } } = this.#context;
    const control = this.#control;
    cleanup.add(() => control.end());
    cleanup.add(serving.datapath.client!.onChange(() => control.coreChanged()));
    control.start();
    const { errands } = this.#surroundings;
    state.clientBy({
      get view() {
        return control.view;
      },
      errands,
    });
    const look = () => control.look(this.#standpoint());
    // There may be a way to a server whose name has been found since.
    const again = () => control.state === "no_ipv4";
    cleanup.add(this.#surroundings.follow(look, again));
    const sleep = new Sleep(bootClock(libc), SECOND);
    cleanup.add(everySecond(() => {
      this.#lookForSleep(sleep);
      control.tick();
    }));
    if (wait !== undefined) cleanup.add(CLOCK.after(wait, () => this.#giveUp(wait)));
  }

  beyond({ client }: Config): readonly string[] {
    return this.#surroundings.beyond(client);
  }

  goBy({ client }: Config): boolean {
    return this.#control.goBy(client);
  }

  reloaded(): void {
    this.#control.renew("a reload asks again");
  }

  drainTime({ client }: Config): Millis {
    return client.drainTime;
  }

  endedBy(signal: NodeJS.Signals): Promise<number | undefined> {
    return this.#surroundings.endedBy(signal);
  }

  #makeControl(): ClientControl {
    const { log, host, state, config: { client } } = this.#context;
    const { kept, errands } = this.#surroundings;
    const nobody = { problem: "nobody looks it up" };
    return new ClientControl({
      clock: CLOCK,
      time: state.history.time,
      log,
      config: client,
      left: kept.found,
      standpoint: this.#standpoint(),
      place: () => this.#place(),
      ownPrefixes: hostPrefixes,
      hasSourceRules: host.hasMetrics,
      localPort: () => Number(this.#open?.listening[0]?.split(":")[1] ?? 0),
      lookUp: (host) => errands?.lookUp(host) ?? Promise.resolve(nobody),
      lookUpHost: (name) => errands?.lookUpHost(name) ?? Promise.resolve(nobody),
      status: () => this.#serving?.datapath.client?.status(),
      setRules: (rules) => this.#datapath.setRules(rules),
      setHome: (wish) => this.#serving?.upholding.setHome(wish) ?? Promise.resolve(),
      hook: client.hook === undefined ? undefined : this.#makeHook(client.hook),
      keep: (state) => kept.keep(state),
      qualified: () => this.#qualified(),
    });
  }

  #makeHook(path: string): Hook {
    const { log } = this.#context;
    return new Hook({
      run: (environment) => this.#surroundings.errands!.runHook(environment),
      ended: ({ state, address }, { failure, output }) => {
        if (failure === undefined) log.debug("Hook run", { state, address, output });
        else log.warn("Hook failed", { path, state, problem: failure, output });
      },
    });
  }

  get #datapath(): Datapath {
    return this.#serving!.datapath;
  }

  #standpoint() {
    const servers = this.#control?.servers.map(({ primary }) => primary) ?? [];
    return this.#surroundings.look(servers, this.#name);
  }

  get #name(): string {
    return this.#open?.interfaceName ?? this.#context.config.client.interfaceName;
  }

  #place(): Place {
    const interfaceName = this.#name;
    const scoped = networkInterfaces()[interfaceName]?.find((it) => (it.scopeid ?? 0) > 0);
    return { interfaceName, index: scoped?.scopeid ?? 0 };
  }

  #lookForSleep(sleep: Sleep): void {
    const slept = sleep.look();
    if (slept === 0) return;
    this.#context.log.info("Woke up", { seconds: Math.round(slept) / SECOND });
    this.#control.renew("time has passed that nobody noticed");
  }

  #qualified(): void {
    if (this.#isQualified) return;
    this.#isQualified = true;
    this.#surroundings.qualified((status) => this.#ended.resolve(status));
  }

  #giveUp(wait: Millis): void {
    if (this.#isQualified) return;
    const { state } = this.#control;
    const mend = mendOfWait(state);
    this.#context.log.error("Not qualified in time", { seconds: wait / SECOND, state, mend });
    this.#ended.resolve(1);
  }
}
