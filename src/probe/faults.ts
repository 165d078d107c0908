import { Drop } from "#src/protocol/drops.ts";

/** What is wrong with a router advertisement, for people who look at a server. */
export const ADVERTISEMENT_FAULTS: Readonly<Partial<Record<Drop, string>>> = {
  [Drop.AuthenticationMissing]: "it does not repeat our nonce",
  [Drop.NonceMismatch]: "its nonce is not ours",
  [Drop.AuthenticationFailed]: "it is not signed by our key",
  [Drop.NoOrigin]: "it has no origin indication",
  [Drop.DestinationNotOurs]: "its destination is not our link-local address",
  [Drop.SourceScope]: "its source is not link-local",
  [Drop.BadHopLimit]: "its hop limit is not 255",
  [Drop.BadChecksum]: "its checksum is wrong",
  [Drop.PrefixMismatch]: "its prefix is not this server's",
  [Drop.BadAdvertisement]: "its code, an option's length, the number of prefix options (one) or " +
    "its MTU is wrong",
};
