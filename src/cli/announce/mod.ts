import { birdConfig } from "./bird.ts";
import { exabgpConfig } from "./exabgp.ts";
import { frrConfig } from "./frr.ts";
import { openbgpdConfig, openbgpdHook } from "./openbgpd.ts";
import type { AnnounceFlags, AnnouncePlan } from "./plan.ts";

/** A program that speaks BGP. */
export interface Speaker {
  readonly title: string;
  /** The flags for what only the operator knows, and for which placeholders stand. */
  readonly asks: readonly (keyof AnnounceFlags)[];
  /** Whether it learns the relay's second route; else it asks the status pages. */
  readonly learnsRoute: boolean;
  config(plan: AnnouncePlan): string;
  /** The program that asks for it, where it has none of its own. */
  hook?(plan: AnnouncePlan): string;
}

const NEIGHBOR = ["as", "neighbor", "neighbor-as"] as const;

export const SPEAKERS = {
  bird: { title: "BIRD 2", asks: NEIGHBOR, learnsRoute: true, config: birdConfig },
  frr: { title: "FRR", asks: NEIGHBOR, learnsRoute: true, config: frrConfig },
  openbgpd: {
    title: "OpenBGPD",
    asks: NEIGHBOR,
    learnsRoute: false,
    config: openbgpdConfig,
    hook: openbgpdHook,
  },
  exabgp: {
    title: "ExaBGP 4",
    asks: [...NEIGHBOR, "address", "router-id"],
    learnsRoute: false,
    config: exabgpConfig,
  },
} as const satisfies Readonly<Record<string, Speaker>>;

export type SpeakerName = keyof typeof SPEAKERS;
