/** A native host behind a relay, a client behind a NAT, a client on our own link. */
export type PeerKind = "native" | "client" | "local";

/**
 * Where its packets go: nowhere yet; to the mapping in its address; to another one, which only its nonce
 * has shown (RFC 6081 §5.2); from a random port of ours (§5.4, §5.5); past the NAT that both are behind
 * (§5.6); to its address on our link (RFC 4380 §5.2.8). A native host's go to its relay.
 */
export type PeerPath = "none" | "direct" | "symmetric" | "random_port" | "alternate" | "local";

/** Every one there is; an entry's is told by its place here. */
export const WAYS: readonly { readonly kind: PeerKind; readonly path: PeerPath }[] = [
  { kind: "client", path: "none" },
  { kind: "client", path: "direct" },
  { kind: "client", path: "symmetric" },
  { kind: "client", path: "random_port" },
  { kind: "client", path: "alternate" },
  { kind: "local", path: "local" },
  { kind: "native", path: "none" },
  { kind: "native", path: "direct" },
];

/** Places of {@link WAYS}. */
export const Way = {
  ClientNone: 0,
  ClientDirect: 1,
  ClientSymmetric: 2,
  ClientRandomPort: 3,
  ClientAlternate: 4,
  Local: 5,
  NativeNone: 6,
  NativeDirect: 7,
} as const;
export type Way = (typeof Way)[keyof typeof Way];
