import type { RelayConfig } from "#src/config/config.ts";
import { MAX_SERVED } from "#src/config/kinds/network.ts";
import type { Datapath } from "#src/datapath/datapath.ts";
import type { Logger } from "#src/log/logger.ts";
import type { Host } from "./host/contract.ts";
import { addressesOf, relayRules } from "./open.ts";
import { describeServed } from "./served.ts";

interface Followed {
  readonly host: Host;
  readonly log: Logger;
  /** As it is at each moment. */
  readonly config: () => RelayConfig;
  readonly setRules: Datapath["setRules"];
}

/**
 * Has a relay go by the addresses that the host has now: no peer has one of those that it is bound to,
 * and a host-specific relay serves them. RFC 4380 §5.5
 *
 * @returns what looks at them
 */
export function followOwnAddresses({ host, log, config, setRules }: Followed): () => void {
  let [own, served]: (string | undefined)[] = [];
  let before: RelayConfig | undefined;
  let isRefused = false;
  return () => {
    const relay = config();
    // A reload has given it addresses of its own moment.
    if (relay !== before) own = undefined;
    before = relay;
    // Their list is of no use to one that is bound to a single one.
    const rules = relayRules(relay, relay.bindAddress === 0 ? addressesOf(host) : []);
    const now = { own: rules.ownAddresses.join(), served: describeServed(rules.served) };
    if (now.own === own && now.served === served) return;
    const count = rules.ownAddresses.length;
    if (!setRules(rules)) {
      if (!isRefused) log.warn("More own addresses than a running relay can be given", { count });
      isRefused = true;
      return;
    }
    const isOther = now.served !== served;
    [own, served, isRefused] = [now.own, now.served, false];
    if (relay.served !== "self" || !isOther) return;
    log.info("Serving own addresses", { served });
    if (rules.served?.length !== MAX_SERVED) return;
    log.warn("Serving no more own addresses than these", { count: MAX_SERVED });
  };
}
