/** @jsxImportSource hono/jsx */
import type { Child } from "hono/jsx";
import type { ClientDocument, ServerDocument } from "../client_document.ts";
import {
  CLIENT_STATE_TEXT,
  leavingText,
  nativeText,
  natText,
  reachedText,
} from "../client_text.ts";
import type { StatusDocument } from "../document.ts";
import { count, duration, millis } from "../units.ts";
import { Shape, type ShapeName } from "./shapes.tsx";
import { Time } from "./time.tsx";

/** What a client's servers told it; of other roles nothing. */
export function ClientPart({ status: { client }, now }: {
  readonly status: StatusDocument;
  readonly now: number;
}) {
  if (client === undefined) return null;
  return (
    <section id="client" aria-labelledby="client-title">
      <h2 id="client-title">Address, NAT and servers</h2>
      <dl class="facts">
        {factsOf(client, now).map(([name, value]) => (
          <div>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <div class="scroll" tabindex={0} role="region" aria-label="Table of servers">
        <Servers client={client} />
      </div>
      <Reached peers={client.peers} />
    </section>
  );
}

function factsOf(client: ClientDocument, now: number): (readonly [string, Child])[] {
  const { leaving, address, deprecated, mapped, local, refresh, last_change, random_ports } =
    client;
  return [
    [
      "State",
      <>
        {CLIENT_STATE_TEXT[client.state]}, for <Time at={client.since} form="for" now={now} />
      </>,
    ],
    ...(leaving === undefined ? [] : [["Leaving", leavingText(leaving)] as const]),
    ["Address", address ?? "none"],
    ...deprecated.map((it) => ["Deprecated", `${it}, for flows of before`] as const),
    ["NAT", natText(client)],
    ["Mapped to", mapped ?? "not known"],
    ["From", local ?? "not known"],
    ["Native", nativeText(client)],
    ["Refresh", <Refresh {...refresh} now={now} />],
    ...(random_ports === 0 ? [] : [["Random ports", count(random_ports)] as const]),
    ...(last_change === undefined ? [] : [
      [
        "Changed",
        <>
          <Time at={last_change.at} now={now} />: {last_change.reason}
        </>,
      ] as const,
    ]),
  ];
}

function Refresh({ interval_seconds, next, now }: ClientDocument["refresh"] & {
  readonly now: number;
}) {
  return (
    <>
      every {duration(interval_seconds)}
      {next === undefined ? "" : (
        <>
          , next at <Time at={next} now={now} />
        </>
      )}
    </>
  );
}

function Servers({ client: { server, standbys, unresolved } }: {
  readonly client: ClientDocument;
}) {
  if (server === undefined && standbys.length === 0 && unresolved.length === 0) {
    return <p class="none">No server is known.</p>;
  }
  return (
    <table>
      <caption class="unseen">Servers</caption>
      <thead>
        <tr>
          <th scope="col">Server</th>
          <th scope="col" class="text">Answers</th>
          <th scope="col" class="text">Addresses</th>
          <th scope="col">Round trip</th>
          <th scope="col" class="text">Native hosts</th>
        </tr>
      </thead>
      <tbody>
        {server !== undefined && <Server server={server} isUsed />}
        {standbys.map((it) => <Server server={it} />)}
        {unresolved.map(({ name, why }) => (
          <tr>
            <th scope="row">{name}</th>
            <td class="text">
              <Sign shape="fail" text="no address" />
            </td>
            <td class="text" colspan={3}>{why}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const NATIVE: Readonly<Record<ServerDocument["native"], ShapeName>> = {
  ok: "ok",
  unknown: "note",
  unreachable: "fail",
};

function Server({ server, isUsed = false }: {
  readonly server: ServerDocument;
  readonly isUsed?: boolean;
}) {
  const { name, primary, secondary, live, rtt_seconds, native, key_refused } = server;
  return (
    <tr>
      <th scope="row">{name}</th>
      <td class="text">
        <Sign shape={live ? "ok" : "fail"} text={wordOf(live, isUsed, key_refused)} />
      </td>
      <td class="text">{primary}, {secondary}</td>
      <td>{rtt_seconds === undefined ? "" : millis(1_000 * rtt_seconds)}</td>
      <td class="text">
        <Sign shape={NATIVE[native]} text={native} />
      </td>
    </tr>
  );
}

function wordOf(live: boolean, isUsed: boolean, isKeyRefused: boolean): string {
  if (isKeyRefused) return "refuses our key";
  if (isUsed) return live ? "in use" : "in use, silent";
  return live ? "standby" : "silent";
}

function Sign({ shape, text }: { readonly shape: ShapeName; readonly text: string }) {
  return (
    <span class="peer-state">
      <Shape name={shape} /> {text}
    </span>
  );
}

/** By which ways peers are reached. */
function Reached({ peers }: Pick<ClientDocument, "peers">) {
  if (peers.length === 0) return null;
  return <p class="hint">{peers.map(reachedText).join(", ")}</p>;
}
