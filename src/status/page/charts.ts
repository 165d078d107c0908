import type { SeriesName } from "../history_document.ts";
import type { Snapshot } from "../snapshot.ts";
import type { Chart, Line } from "./figures.ts";

const line = (label: string, ...names: SeriesName[]): Line => ({ label, names });

const TRAFFIC: Chart = {
  id: "bits",
  title: "Traffic",
  unit: "bits",
  lines: [line("up, from clients", "bits_up"), line("down, to clients", "bits_down")],
};

const PACKETS: Chart = {
  id: "packets",
  title: "Packets",
  unit: "rate",
  lines: [line("up, from clients", "packets_up"), line("down, to clients", "packets_down")],
};

const DROPS: Chart = {
  id: "drops",
  title: "Packets discarded, by reason",
  unit: "rate",
  stacked: true,
  lines: "drops_",
};

const PROCESSOR: Chart = {
  id: "cpu",
  title: "Processor time; 100 % is one core",
  unit: "share",
  lines: [line("used", "cpu")],
};

const PEERS: Chart = {
  id: "peers",
  title: "Peers, by state",
  unit: "count",
  stacked: true,
  lines: [
    line("trusted", "peers_trusted"),
    line("resolving", "peers_resolving"),
    line("failed", "peers_failed"),
  ],
};

const BUBBLES: Chart = {
  id: "bubbles",
  title: "Bubbles",
  unit: "rate",
  lines: [line("sent", "bubbles_sent"), line("answered", "bubbles_answered")],
};

/** What is drawn of each role's history, in this order. */
export const CHARTS: Readonly<Record<Snapshot["role"], readonly Chart[]>> = {
  relay: [
    TRAFFIC,
    PACKETS,
    PEERS,
    DROPS,
    BUBBLES,
    { id: "new_peers", title: "New peers", unit: "rate", lines: [line("new", "new_peers")] },
    PROCESSOR,
  ],
  server: [
    {
      id: "solicitations",
      title: "Solicitations, by kind",
      unit: "rate",
      stacked: true,
      lines: [
        line("cone", "solicitations_cone"),
        line("restricted", "solicitations_restricted"),
        line("to the secondary address", "solicitations_secondary"),
      ],
    },
    {
      id: "advertisements",
      title: "Advertisements",
      unit: "rate",
      lines: [line("sent", "advertisements")],
    },
    {
      id: "forwarded",
      title: "Forwarded",
      unit: "rate",
      lines: [
        line("bubbles", "bubbles_forwarded"),
        line("ICMPv6", "icmpv6_forwarded"),
        line("to native hosts", "native_forwarded"),
      ],
    },
    { ...DROPS, title: "Refused, by reason" },
    TRAFFIC,
    PACKETS,
    PROCESSOR,
  ],
  client: [
    {
      ...TRAFFIC,
      lines: [line("up, from this host", "bits_up"), line("down, to it", "bits_down")],
    },
    {
      ...PACKETS,
      lines: [line("up, from this host", "packets_up"), line("down, to it", "packets_down")],
    },
    {
      id: "server_rtt",
      title: "Round trip to the server",
      unit: "millis",
      lines: [line("round trip", "server_rtt")],
    },
    PEERS,
    DROPS,
    BUBBLES,
    {
      id: "asked",
      title: "Asked of servers",
      unit: "rate",
      lines: [line("solicitations", "solicitations"), line("echo tests", "echo_tests")],
    },
    PROCESSOR,
  ],
};
