import type { Lab } from "#src/demo/lab.ts";
import type { LabProcess } from "#src/demo/lab_process.ts";
import { IPV4_LINK, IPV6_LINK } from "#src/demo/topology.ts";
import { START_PATIENCE, until } from "./programs.ts";

type Link = typeof IPV4_LINK | typeof IPV6_LINK;

/** 32 MiB in slots of 2 KiB: whole packets of these links, 16,000 of them, while tcpdump is not run. */
const ROOM = ["-B", "32768", "-s", "2048"];

/** What a tcpdump that runs says of itself. */
export class DumpCounts {
  readonly #dump: LabProcess;
  #told: readonly number[] = [];

  constructor(dump: LabProcess) {
    this.#dump = dump;
    dump.onLine((line) => {
      const counts = COUNTS.exec(line)?.slice(1);
      if (counts !== undefined) this.#told = counts.map(Number);
    });
  }

  /** @returns packets that it has read, that the kernel had for it, and that there was no room for */
  async ask(): Promise<readonly number[]> {
    this.#told = [];
    this.#dump.kill("SIGUSR1");
    await until("tcpdump tells its counts", () => Promise.resolve(this.#told.length > 0));
    return this.#told;
  }
}

/** At SIGUSR1. tcpdump(8) */
const COUNTS =
  /(\d+) packets? captured, (\d+) packets? received by filter, (\d+) packets? dropped by kernel/;

/** What the kernel still keeps for it is lost. @throws Error if the kernel had to leave packets out */
export async function endDump(dump: LabProcess): Promise<void> {
  const { stderr } = await dump.stop();
  if (!/^0 packets dropped by kernel/m.test(stderr)) throw new Error(stderr);
}

/** What passes a link, kept in the lab's own /run, for tshark to judge. */
export class Capture {
  readonly #lab: Lab;
  readonly #file: string;
  readonly #tcpdump: LabProcess;
  #ports: Promise<string[]> | undefined;

  private constructor(lab: Lab, file: string, tcpdump: LabProcess) {
    this.#lab = lab;
    this.#file = file;
    this.#tcpdump = tcpdump;
  }

  static async start(lab: Lab, link: Link): Promise<Capture> {
    const file = `/run/${link}-${Math.random().toString(36).slice(2)}.pcap`;
    const tcpdump = lab.spawn("core", ["tcpdump", ...ROOM, "-Z", "root", "-i", link, "-w", file]);
    await tcpdump.waitForLine(/listening on/, START_PATIENCE);
    return new Capture(lab, file, tcpdump);
  }

  /** Ends it once all that has passed up to now is written. @throws Error if the kernel had to leave packets out */
  async stop(): Promise<void> {
    const counts = new DumpCounts(this.#tcpdump);
    const [, received] = await counts.ask();
    await until("all that passed is written", async () => {
      const [captured, , dropped] = await counts.ask();
      return captured! + dropped! >= received!;
    });
    await endDump(this.#tcpdump);
  }

  /** Lines of `fields`, tab-separated, for each packet that the display filter `wanted` matches. */
  async read(wanted: string, fields: readonly string[]): Promise<string[]> {
    this.#ports ??= this.#teredoPorts();
    const asTeredo = (await this.#ports).flatMap((port) => ["-d", `udp.port==${port},teredo`]);
    return await this.#judge([...CHECK, ...asTeredo, "-Y", wanted], fields);
  }

  /**
   * Every port of a datagram on IPv4. A client's is picked at random: tshark would take what comes
   * from port 2152 for GTP, whatever it is sent to.
   */
  async #teredoPorts(): Promise<string[]> {
    const outermost = ["-E", "occurrence=f"];
    const lines = await this.#judge(["-Y", "ip && udp", ...outermost], [
      "udp.srcport",
      "udp.dstport",
    ]);
    return [...new Set(lines.flatMap((line) => line.split("\t")))];
  }

  async #judge(options: readonly string[], fields: readonly string[]): Promise<string[]> {
    const argv = ["tshark", "-n", "-r", this.#file, ...options, "-T", "fields"];
    const columns = fields.flatMap((field) => ["-e", field]);
    const { status, stdout, stderr } = await this.#lab.run("core", [...argv, ...columns], {
      timeout: 600_000,
    });
    if (status !== 0) throw new Error(stderr);
    return stdout.split("\n").filter((line) => line !== "");
  }

  async count(wanted: string): Promise<number> {
    return (await this.read(wanted, ["frame.number"])).length;
  }

  /** One line for each packet among `wanted` that tshark objects to. */
  complaints(wanted: string): Promise<string[]> {
    return this.read(`(${wanted}) && (${COMPLAINT})`, [
      "frame.number",
      "ip.src",
      "ip.dst",
      "_ws.col.Info",
      "_ws.expert.message",
    ]);
  }
}

/** Every checksum is verified. */
const CHECK = ["ip", "udp", "tcp"].flatMap((protocol) => [
  "-o",
  `${protocol}.check_checksum:TRUE`,
]);

/** Severities by number: their names changed between tshark's releases. */
const ERROR = 0x800000;
const WARNING = 0x600000;

/**
 * What must never be seen. Remarks on how a TCP connection goes (a window, a retransmission) are
 * about the two hosts, not about who carries their packets.
 */
const COMPLAINT = [
  "_ws.malformed",
  `(_ws.expert.severity == ${ERROR} && !(tcp.checksum == 0xffff))`,
  `(_ws.expert.severity == ${WARNING} && !tcp)`,
  "ip.checksum.status == 0",
  "udp.checksum.status == 0",
  // A host may write the checksum 0 as 0xffff, which sums up alike (RFC 1624): it is not ours.
  "(tcp.checksum.status == 0 && tcp.checksum != 0xffff)",
  "icmpv6.checksum.status == 0",
].join(" || ");
