/** NATs as RFC 6081 §2 tells them apart, in the order of its Figure 1. */
export const PEER_NATS = [
  "cone",
  "address_restricted",
  "port_restricted",
  "upnp_port_restricted",
  "upnp_port_symmetric",
  "port_preserving_symmetric",
  "sequential_symmetric",
  "port_symmetric",
  "address_symmetric",
] as const;
export type PeerNat = (typeof PEER_NATS)[number];

/**
 * Which of RFC 6081's extensions two clients need beside RFC 4380: none, `sns` Symmetric NAT Support,
 * with it `upnp`, `pp` Port-Preserving or `ss` Sequential Port-Symmetric; `no`: nothing helps.
 */
export type Need = "yes" | "sns" | "sns_upnp" | "sns_pp" | "sns_ss" | "no";

const ROWS: Readonly<Record<PeerNat, string>> = {
  cone: "yes yes yes yes sns sns sns sns sns",
  address_restricted: "yes yes yes yes sns sns sns sns no",
  port_restricted: "yes yes yes yes no sns_pp sns_ss no no",
  upnp_port_restricted: "yes yes yes yes sns_upnp no no no no",
  upnp_port_symmetric: "sns sns no sns_upnp sns_upnp no no no no",
  port_preserving_symmetric: "sns sns sns_pp no no sns_pp sns_ss no no",
  sequential_symmetric: "sns sns sns_ss no no no no no no",
  port_symmetric: "sns sns no no no no no no no",
  address_symmetric: "sns no no no no no no no no",
};

/** A cell of the figure; `depends`: those that may be meant differ. */
export type Reach = Need | "depends";

/**
 * How a client behind one of `own` reaches a peer behind each NAT: a row of RFC 6081 Figure 1.
 *
 * @param own what the NAT may be, where it is not known for sure; at least one
 */
export function reachOf(own: readonly PeerNat[]): Readonly<Record<PeerNat, Reach>> {
  const rows = own.map((nat) => ROWS[nat].split(" ") as Need[]);
  const cells = PEER_NATS.map((peer, i): [PeerNat, Reach] => {
    const needs = new Set(rows.map((row) => row[i]!));
    return [peer, needs.size === 1 ? [...needs][0]! : "depends"];
  });
  return Object.fromEntries(cells) as Record<PeerNat, Reach>;
}
