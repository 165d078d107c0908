/** @jsxImportSource hono/jsx */
import type { StatusDocument } from "../document.ts";
import type { PeerDocument, StepDocument, WhyDocument } from "../peers_document.ts";
import { bytes, count, millis } from "../units.ts";
import { Frame } from "./frame.tsx";
import { Ago, mappingOf, PeerState } from "./peers.tsx";
import { Mend } from "./prose.tsx";
import { Shape } from "./shapes.tsx";
import { isoOf, Time } from "./time.tsx";
import { Trace } from "./trace.tsx";

export interface PeerProps {
  readonly status: StatusDocument;
  readonly now: number;
  readonly address: string;
  /** Or why there is none. */
  readonly why: WhyDocument | { readonly error: string };
}

/** `GET /peer` */
export function PeerPage({ status, now, address, why }: PeerProps) {
  return (
    <Frame
      title={`${address} · teredo ${status.role}`}
      status={status}
      now={now}
      query={address}
      scripts={["peer"]}
    >
      {"error" in why
        ? (
          <section>
            <h1>{address}</h1>
            <p class="problem" role="alert">{why.error}</p>
          </section>
        )
        : <Why why={why} now={now} />}
    </Frame>
  );
}

function Why({ why, now }: { readonly why: WhyDocument; readonly now: number }) {
  const { address, kind, conclusion, mend, ok, peer, steps } = why;
  return (
    <>
      <section class={`state ${ok ? "ok" : "fail"}`}>
        <Shape name={ok ? "ok" : "fail"} />
        <div>
          <p class="address">{peer?.address ?? address}</p>
          <h1 class="conclusion">{conclusion}</h1>
          {mend !== undefined && <Mend text={mend} />}
        </div>
        <p class="freshness">
          As of <Time at={isoOf(now)} now={now} />
        </p>
      </section>
      <div class="columns">
        <Steps steps={steps} />
        {peer !== undefined && <Entry peer={peer} now={now} />}
      </div>
      {kind !== "host" && <Trace peer={peer?.address ?? address} />}
    </>
  );
}

function Steps({ steps }: Pick<WhyDocument, "steps">) {
  return (
    <section aria-labelledby="steps-title">
      <h2 id="steps-title">What decides about its packets</h2>
      <ul class="checks steps">{steps.map((step) => <Step step={step} />)}</ul>
    </section>
  );
}

const VERDICTS = { ok: "ok", note: "note", warn: "warning", fail: "fails" } as const;

function Step({ step: { name, verdict, detail, mend } }: { readonly step: StepDocument }) {
  return (
    <li class={verdict}>
      <span class="verdict">
        <Shape name={verdict} /> {VERDICTS[verdict]}
      </span>
      <span class="name">{name}</span>
      <span class="detail">{detail}</span>
      {mend !== undefined && <Mend text={mend} />}
    </li>
  );
}

function Entry({ peer, now }: { readonly peer: PeerDocument; readonly now: number }) {
  const ago = (at: string | undefined) => at === undefined ? "never" : <Ago at={at} now={now} />;
  const facts = [
    ["State", <PeerState state={peer.state} />],
    ["Mapped to", mappingOf(peer)],
    ...(peer.kind === undefined
      ? []
      : [["Kind, path", `${peer.kind}, ${peer.path?.replaceAll("_", " ")}`] as const]),
    ...(peer.round_trip_seconds === undefined
      ? []
      : [["Round trip", millis(1_000 * peer.round_trip_seconds)] as const]),
    ...(peer.server_address === undefined ? [] : [["Its server", peer.server_address] as const]),
    ["Trusted", ago(peer.trusted_since)],
    ["Proven", peer.proven ? "yes: it answered a token" : "no"],
    ...(peer.kind === undefined
      ? [
        ["Fast path", peer.leased === true ? "yes: the kernel carries its packets" : "no"] as const,
      ]
      : []),
    ["Last heard", ago(peer.last_received)],
    ["Last sent to", ago(peer.last_transmitted)],
    ["Last bubble", ago(peer.last_bubble)],
    ["Bubbles unanswered", count(peer.bubbles_unanswered)],
    ["From it", `${count(peer.received_packets)} packets, ${bytes(peer.received_bytes)}`],
    ["To it", `${count(peer.sent_packets)} packets, ${bytes(peer.sent_bytes)}`],
    ["Held for it", `${count(peer.held_packets)} packets, ${bytes(peer.held_bytes)}`],
  ] as const;
  return (
    <section class="entry" aria-labelledby="entry-title">
      <h2 id="entry-title">Its entry</h2>
      <dl class="facts">
        {facts.map(([name, value]) => (
          <div>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
