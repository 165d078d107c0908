/**
 * One end of the bench's network, in a namespace of the lab: `station.ts PLAN`, a `StationPlan` as
 * JSON. It takes commands on standard input and answers on standard output, a line each, until its
 * input ends; between commands it sleeps, but for what the relay asks of it.
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { Arena } from "#ffi/arena.ts";
import { check } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import {
  MSG_DONTWAIT,
  POLLFD_EVENTS_AT,
  POLLFD_REVENTS_AT,
  POLLIN,
  SIZEOF_POLLFD,
} from "#ffi/linux/mod.ts";
import { openLibc } from "#ffi/open.ts";
import { Schedule } from "#test/load/schedule.ts";
import { ClientsMail } from "./clients_mail.ts";
import { HostMail } from "./host_mail.ts";
import { LinkSocket } from "./link_socket.ts";
import { type Mail, NO_MAIL, type Waiting } from "./mail.ts";
import { PingerMail } from "./pinger_mail.ts";
import type {
  Command,
  CountCommand,
  Counted,
  SendCommand,
  Sent,
  StationPlan,
} from "./station_contract.ts";
import { Volley } from "./volley.ts";

// <asm/unistd.h>
const SYS_SCHED_YIELD: Readonly<Record<string, number>> = { x64: 24, arm64: 124 };
const LINE_LENGTH = 65_536;
const MAIL_LENGTH = 4_096;

class Station {
  readonly #libc: Libc;
  readonly #plan: StationPlan;
  readonly #arena: Arena;
  readonly #link: LinkSocket;
  readonly #volley: Volley | undefined;
  readonly #mail: Mail;
  readonly #letter: number;
  readonly #line: number;
  readonly #polls: number;
  readonly #waiting: Waiting = {
    wait: (milliseconds) => this.#wait(milliseconds),
    rest: (milliseconds) => this.#rest(milliseconds),
  };
  #typed = "";

  constructor(libc: Libc, plan: StationPlan) {
    this.#libc = libc;
    this.#plan = plan;
    const isSource = plan.role === "source";
    this.#arena = new Arena(libc, (isSource ? Volley.arenaLength : 0) + 1024 * 1024);
    const arena = this.#arena;
    this.#link = new LinkSocket(libc, arena, plan.link);
    this.#volley = isSource ? new Volley(arena, plan) : undefined;
    this.#mail = openMail(libc, arena, plan, this.#link);
    this.#letter = arena.take(MAIL_LENGTH);
    this.#line = arena.take(LINE_LENGTH);
    this.#polls = arena.take(2 * SIZEOF_POLLFD);
    [0, this.#mail.fd].forEach((fd, i) => {
      const at = this.#polls + i * SIZEOF_POLLFD;
      arena.i32[at >> 2] = fd;
      arena.u16[(at + POLLFD_EVENTS_AT) >> 1] = POLLIN;
    });
  }

  /** Serves commands to the end of the input. */
  run(): void {
    for (;;) {
      const command = this.#nextCommand();
      if (command === undefined) return;
      console.log(JSON.stringify(this.#obey(command)));
    }
  }

  #obey(command: Command): unknown {
    switch (command.do) {
      case "send":
        return this.#send(command);
      case "count":
        return this.#count(command);
      default:
        return this.#mail.obey(command, this.#waiting);
    }
  }

  #nextCommand(): Command | undefined {
    for (;;) {
      const end = this.#typed.indexOf("\n");
      if (end >= 0) {
        const line = this.#typed.slice(0, end);
        this.#typed = this.#typed.slice(end + 1);
        return JSON.parse(line);
      }
      this.#libc.call.poll(this.#arena.address(this.#polls), 2, -1);
      this.#receive();
      if (this.#arena.u16[(this.#polls + POLLFD_REVENTS_AT) >> 1] === 0) continue;
      const got = this.#libc.call.read(0, this.#arena.address(this.#line), LINE_LENGTH);
      if (check(this.#libc, got, "read", "commands") === 0) return undefined;
      this.#typed += new TextDecoder().decode(this.#arena.u8.slice(this.#line, this.#line + got));
    }
  }

  #wait(milliseconds: number): void {
    const mailbox = this.#arena.address(this.#polls + SIZEOF_POLLFD);
    this.#libc.call.poll(mailbox, 1, Math.ceil(milliseconds));
    this.#receive();
  }

  #rest(milliseconds: number): void {
    const until = performance.now() + milliseconds;
    for (let now = until - milliseconds; now < until; now = performance.now()) {
      this.#wait(until - now);
    }
  }

  #receive(): void {
    if (this.#mail.fd < 0) return;
    const { call } = this.#libc;
    const to = this.#arena.address(this.#letter);
    for (;;) {
      const length = call.recv(this.#mail.fd, to, MAIL_LENGTH, MSG_DONTWAIT);
      if (length < 0) break;
      this.#mail.take(this.#letter, length);
    }
    this.#mail.flush();
  }

  #send(load: SendCommand): Sent {
    const volley = this.#volley;
    if (volley === undefined) throw new Error(`only a source sends ${load.kind}`);
    volley.write(load);
    return load.rate === 0 ? this.#sendFlatOut(load, volley) : this.#sendPaced(load, volley);
  }

  #sendFlatOut({ seconds, burst, gives }: SendCommand, volley: Volley): Sent {
    const start = performance.now();
    let now = start;
    let messages = 0;
    for (let turn = 0; now < start + 1_000 * seconds; now = performance.now()) {
      const count = Math.min(64, volley.count - turn);
      messages += this.#link.send(volley.messages.at(turn), count);
      turn = (turn + count) % volley.count;
      if (gives) this.#giveWay();
    }
    return { packets: messages * burst, seconds: (now - start) / 1_000 };
  }

  /** sched_yield(2) */
  #giveWay(): void {
    this.#libc.call.syscall(SYS_SCHED_YIELD[process.arch]!, 0, 0, 0, 0);
  }

  #sendPaced({ rate, seconds, burst }: SendCommand, volley: Volley): Sent {
    const schedule = new Schedule(rate / burst, seconds);
    const start = performance.now();
    let messages = 0;
    let turn = 0;
    schedule.start(start);
    for (let now = start; !schedule.isDone && now < start + 2_000 * seconds;) {
      this.#rest(1);
      now = performance.now();
      for (let due = schedule.due(now); due > 0;) {
        const count = Math.min(due, volley.count - turn);
        messages += this.#link.send(volley.messages.at(turn), count);
        schedule.sent += count;
        due -= count;
        turn = (turn + count) % volley.count;
      }
    }
    return { packets: messages * burst, seconds: (performance.now() - start) / 1_000 };
  }

  #count({ after, seconds }: CountCommand): Counted {
    this.#rest(1_000 * after);
    const [first, start] = [this.#arrived(), performance.now()];
    this.#rest(1_000 * seconds);
    const [last, end] = [this.#arrived(), performance.now()];
    return { packets: last - first, seconds: (end - start) / 1_000 };
  }

  /** Packets that came over the link up to now. */
  #arrived(): number {
    const text = readFileSync("/proc/net/dev", "utf8");
    const line = text.split("\n").find((it) => it.trimStart().startsWith(`${this.#plan.link}:`))!;
    return Number(line.slice(line.indexOf(":") + 1).trim().split(/\s+/)[1]);
  }
}

function openMail(libc: Libc, arena: Arena, plan: StationPlan, link: LinkSocket): Mail {
  switch (plan.role) {
    case "source":
      return NO_MAIL;
    case "clients":
      return new ClientsMail(libc, arena, plan, link);
    case "host":
      return new HostMail(libc, arena, plan, link);
    case "pinger":
      return new PingerMail(libc, arena, plan, link);
  }
}

const plan: StationPlan = JSON.parse(process.argv[2] ?? "{}");
const station = new Station(await openLibc(), plan);
console.log("ready");
station.run();
