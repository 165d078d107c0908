/** @jsxImportSource hono/jsx */
import type { StatusDocument } from "../document.ts";
import { DROP_HELP } from "../drop_help.ts";
import { fastPathText } from "../fast_path_text.ts";
import { sandboxTexts } from "../sandbox_text.ts";
import type { DropReason } from "../snapshot.ts";
import { Prose } from "./prose.tsx";
import { bytes, count, duration } from "../units.ts";

/** What does not fit a chart: of what the daemon is made, and all that it counted since its start. */
export function Totals({ status }: { readonly status: StatusDocument }) {
  return (
    <section id="totals" aria-labelledby="totals-title">
      <h2 id="totals-title">Since the start</h2>
      <dl class="facts">
        {factsOf(status).map(([name, text]) => (
          <div>
            <dt>{name}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      <Drops drops={status.drops} />
      <Failures failures={status.send_failures} />
    </section>
  );
}

function factsOf(status: StatusDocument): (readonly [string, string])[] {
  const { process, gauges, workers, offloads, interface_name: name, mtu_bytes } = status;
  const facts: (readonly [string, string])[] = [
    ["Running", `for ${duration(process.uptime_seconds)}, process ${process.pid}`],
    ["Listening", `UDP ${status.listening.join(", ")}`],
    ["Workers", `${workers.count} (${workers.reason})`],
    ["Memory", bytes(process.resident_memory_bytes)],
    ["Processor", `${duration(process.cpu_seconds)} used`],
  ];
  if (name !== undefined) {
    facts.push(["Interface", `${name}, MTU ${mtu_bytes}, ${status.prefix}`]);
  }
  if (status.role !== "server") {
    const { peers, peers_limit, held_packets, held_bytes } = gauges;
    facts.push(["Peers", `${count(peers)}, room for ${count(peers_limit)}`]);
    facts.push(["Held", `${count(held_packets)} packets, ${bytes(held_bytes)}`]);
    const all = Object.entries(offloads);
    const on = all.filter(([, it]) => it.on).map(([name]) => name);
    facts.push(["Offloads", on.length === 0 ? "none" : on.join(", ")]);
    for (const [name, { on, note }] of all) if (!on) facts.push([`No ${name}`, note ?? "off"]);
    const fastPath = fastPathText(status);
    if (fastPath !== undefined) facts.push(["Fast path", fastPath]);
  }
  for (const text of sandboxTexts(status)) facts.push(["Sandbox", text]);
  return facts;
}

function Drops({ drops }: Pick<StatusDocument, "drops">) {
  const found = (Object.entries(drops) as [DropReason, number][]).filter(([, it]) => it > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([reason, packets]) => ({ name: reason, packets, ...DROP_HELP[reason] }));
  if (found.length === 0) return <p class="none">No packet was discarded.</p>;
  return (
    <>
      <h3>Packets discarded</h3>
      <ul class="reasons">
        {found.map(({ name, packets, because, mend }) => (
          <Reason {...{ name, packets, mend }} text={`because ${because}`} />
        ))}
      </ul>
    </>
  );
}

function Failures({ failures }: { readonly failures: StatusDocument["send_failures"] }) {
  const found = Object.entries(failures).flatMap(([way, all]) =>
    Object.entries(all).map(([errno, it]) => ({ ...it, name: `${way} ${errno}` }))
  );
  if (found.length === 0) return null;
  return (
    <>
      <h3>What the kernel did not take</h3>
      <ul class="reasons">
        {found.map(({ meaning, ...it }) => <Reason {...it} text={meaning} />)}
      </ul>
    </>
  );
}

function Reason({ name, packets, text, mend }: {
  readonly name: string;
  readonly packets: number;
  readonly text: string;
  readonly mend: string | undefined;
}) {
  return (
    <li>
      <b>{name}</b>
      <span class="number">{count(packets)}</span>
      <span>
        <Prose text={text} />
      </span>
      <span class="hint">{mend !== undefined && <Prose text={`Mend: ${mend}`} />}</span>
    </li>
  );
}
