import type { PeerKind, PeerPath } from "#src/protocol/client/peers/ways.ts";
import type { ClientStateName, ClientView, ServerView } from "./snapshot.ts";

/** A client's part of `GET /status`; docs/client.md says what the words mean. */
export interface ClientDocument {
  readonly state: ClientStateName;
  readonly since: string;
  readonly address?: string;
  readonly deprecated: readonly string[];
  readonly server?: ServerDocument;
  readonly standbys: readonly ServerDocument[];
  readonly unresolved: readonly { readonly name: string; readonly why: string }[];
  readonly mapped?: string;
  readonly local?: string;
  readonly nat: NatWord;
  readonly filtering: ClientView["filtering"];
  readonly port_preserving: boolean;
  readonly port_mapping: PortMappingWord;
  readonly refresh: { readonly interval_seconds: number; readonly next?: string };
  readonly native: ClientView["native"];
  readonly leaving?: string;
  readonly last_change?: { readonly reason: string; readonly at: string };
  readonly random_ports: number;
  readonly peers: readonly {
    readonly kind: PeerKind;
    readonly path: PeerPath;
    readonly count: number;
  }[];
}

export interface ServerDocument {
  readonly name: string;
  readonly primary: string;
  readonly secondary: string;
  readonly live: boolean;
  readonly rtt_seconds?: number;
  readonly native: ServerView["native"];
  readonly key_refused: boolean;
}

export type NatWord =
  | "none"
  | "firewall"
  | "cone"
  | "restricted"
  | "symmetric_port"
  | "symmetric_address"
  | "unknown";
export type PortMappingWord = "none" | "pcp" | "nat_pmp" | "upnp";

/** As all words of JSON are written. */
const word = <T extends string>(text: string): T => text.replaceAll("-", "_") as T;

export function clientDocument(view: ClientView): ClientDocument {
  const { address, server, mapped, local, lastChange, refresh: { intervalSeconds, next } } = view;
  return {
    state: view.state,
    since: view.since.toISOString(),
    ...(address === undefined ? {} : { address }),
    deprecated: view.deprecated,
    ...(server === undefined ? {} : { server: serverDocument(server) }),
    standbys: view.standbys.map(serverDocument),
    unresolved: view.unresolved.map(({ name, why }) => ({ name, why })),
    ...(mapped === undefined ? {} : { mapped }),
    ...(local === undefined ? {} : { local }),
    nat: word(view.nat),
    filtering: view.filtering,
    port_preserving: view.portPreserving,
    port_mapping: word(view.portMapping),
    refresh: {
      interval_seconds: intervalSeconds,
      ...(next === undefined ? {} : { next: next.toISOString() }),
    },
    native: view.native,
    ...(view.leaving === undefined ? {} : { leaving: view.leaving }),
    ...(lastChange === undefined ? {} : {
      last_change: { reason: lastChange.reason, at: lastChange.at.toISOString() },
    }),
    random_ports: view.randomPorts,
    peers: view.peers.map(({ kind, path, count }) => ({ kind, path, count })),
  };
}

function serverDocument(server: ServerView): ServerDocument {
  const { name, primary, secondary, live, rttSeconds, native, keyRefused } = server;
  return {
    name,
    primary,
    secondary,
    live,
    // To a tenth of a millisecond: a server may be next door.
    ...(rttSeconds === undefined ? {} : { rtt_seconds: Math.round(rttSeconds * 1e4) / 1e4 }),
    native,
    key_refused: keyRefused,
  };
}
