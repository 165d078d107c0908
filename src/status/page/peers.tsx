/** @jsxImportSource hono/jsx */
import type { StatusDocument } from "../document.ts";
import type { PeerDocument } from "../peers_document.ts";
import { bytes, count } from "../units.ts";
import { Frame } from "./frame.tsx";
import { Shape, type ShapeName } from "./shapes.tsx";
import { type Sort, SORTS } from "./sorts.ts";
import { isoOf, Time } from "./time.tsx";

/** What was found of what was searched for. */
export interface Found {
  readonly peers: readonly PeerDocument[];
  /** Of the next page. */
  readonly cursor?: string | undefined;
  /** Of the peers that were sorted; all there are unless `isPart`. */
  readonly sorted?: { readonly peers: number; readonly isPart: boolean } | undefined;
}

export interface PeersProps {
  readonly status: StatusDocument;
  readonly now: number;
  readonly query: string;
  readonly sort: Sort | undefined;
  /** Or why nothing was. */
  readonly found: Found | { readonly error: string };
}

/** `GET /find` */
export function PeersPage({ status, now, query, sort, found }: PeersProps) {
  const title = query === "" ? "All peers" : `Peers of ${query}`;
  return (
    <Frame
      title={`${title} · teredo ${status.role}`}
      status={status}
      now={now}
      query={query}
      scripts={["peer"]}
    >
      <section class="peers" aria-labelledby="peers-title">
        <h1 id="peers-title">{title}</h1>
        {"error" in found
          ? <p class="problem" role="alert">{found.error}</p>
          : <Results {...{ now, query, sort, found }} />}
        {isAddress(query) && (
          <p>
            <a href={`peer?address=${encodeURIComponent(query)}`}>
              What becomes of packets of {query}
            </a>
          </p>
        )}
      </section>
    </Frame>
  );
}

/** One address rather than a prefix. */
const isAddress = (query: string) => /^[0-9a-fA-F.:]+$/.test(query);

function Results({ now, query, sort, found }: {
  readonly now: number;
  readonly query: string;
  readonly sort: Sort | undefined;
  readonly found: Found;
}) {
  const { peers, cursor, sorted } = found;
  if (peers.length === 0) {
    return <p>None. A peer has an entry until nothing passed for 300 s.</p>;
  }
  return (
    <>
      <p class="hint">
        {countOf(found)} As of <Time at={isoOf(now)} now={now} />.
      </p>
      {sorted?.isPart && (
        <p class="hint">
          More were found than are sorted: search for a smaller prefix, or on the machine ask{" "}
          <code>teredo peers --sort</code>.
        </p>
      )}
      <div class="scroll" tabindex={0} role="region" aria-label="Table of peers">
        <PeerTable {...{ peers, now, query, sort }} />
      </div>
      {cursor !== undefined && (
        <p>
          <a rel="next" href={hrefOf({ q: query, cursor })}>Next page</a>
        </p>
      )}
    </>
  );
}

function countOf({ peers, cursor, sorted }: Found): string {
  if (sorted !== undefined) {
    return sorted.peers === peers.length
      ? `All ${count(sorted.peers)}, sorted.`
      : `The first ${count(peers.length)} of ${count(sorted.peers)}, sorted.`;
  }
  const all = peers.length === 1 ? "1 peer." : `${count(peers.length)} peers.`;
  return cursor === undefined ? all : `${count(peers.length)} peers, and there are more.`;
}

/** @param parameters those that are empty are left out */
export function hrefOf(parameters: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(parameters).filter((it): it is [string, string] => !!it[1]);
  return `find?${new URLSearchParams(given)}`;
}

const STATE_SHAPES: Readonly<Record<PeerDocument["state"], ShapeName>> = {
  trusted: "ok",
  silent: "pause",
  resolving: "note",
  failed: "fail",
};

export function PeerState({ state }: Pick<PeerDocument, "state">) {
  return (
    <span class="peer-state">
      <Shape name={STATE_SHAPES[state]} /> {state}
    </span>
  );
}

function PeerTable({ peers, now, query, sort }: {
  readonly peers: readonly PeerDocument[];
  readonly now: number;
  readonly query: string;
  readonly sort: Sort | undefined;
}) {
  const isClients = peers.some(({ kind }) => kind !== undefined);
  return (
    <table>
      <caption class="unseen">Peers</caption>
      <thead>
        <tr>
          <th scope="col">{isClients ? "Address" : "Teredo address"}</th>
          {isClients && <th scope="col" class="text">Kind, path</th>}
          {SORTS.map(({ name, title, isText }) => (
            <th
              scope="col"
              {...(isText ? { class: "text" } : {})}
              {...(name === sort ? { "aria-sort": isText ? "ascending" : "descending" } : {})}
            >
              <a href={hrefOf({ q: query, sort: name === sort ? undefined : name })}>{title}</a>
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {peers.map((peer) => (
          <tr>
            <th scope="row">
              <a href={`peer?address=${encodeURIComponent(peer.address)}`}>{peer.address}</a>
            </th>
            {isClients && <td class="text">{peer.kind}, {peer.path?.replaceAll("_", " ")}</td>}
            <td class="text">
              <PeerState state={peer.state} />
            </td>
            <td class="text">{mappingOf(peer)}</td>
            <td>{peer.last_received && <Ago at={peer.last_received} now={now} />}</td>
            <td>{bytes(peer.received_bytes)}</td>
            <td>{bytes(peer.sent_bytes)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function Ago({ at, now }: { readonly at: string; readonly now: number }) {
  return (
    <>
      <Time at={at} form="for" now={now} /> ago
    </>
  );
}

/** Where its packets go. */
export function mappingOf(peer: PeerDocument): string {
  const { actual_address, actual_port, mapped_address, mapped_port } = peer;
  if (actual_address === undefined) {
    return mapped_address === undefined ? "" : `${mapped_address}:${mapped_port}`;
  }
  // Of a native host it is its relay's.
  return `${actual_address}:${actual_port}${mapped_address === undefined ? "" : " *"}`;
}
