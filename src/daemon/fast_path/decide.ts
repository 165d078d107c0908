import type { Config, RelayConfig, Role, ServerConfig, StatusConfig } from "#src/config/config.ts";
import type { FastPathWish, ServerFastPathWish } from "#src/datapath/fast_path.ts";
import { attachedBroadcasts } from "../broadcasts.ts";
import type { FilterReport, Handled } from "../host/traffic.ts";

interface Asked extends Pick<Config, "relay"> {
  readonly status: Pick<StatusConfig, "record">;
}

/** What a configuration asks for. */
export function wishOf({ relay, status }: Asked): FastPathWish {
  return { refusal: refusalOf("relay", relay, status.record), peers: relay.fastPathPeers };
}

interface AskedOfServer extends Pick<Config, "server"> {
  readonly status: Pick<StatusConfig, "record">;
}

/** The same of a server. */
export function serverWishOf({ server, status }: AskedOfServer): ServerFastPathWish {
  return {
    refusal: refusalOf("server", server, status.record),
    broadcasts: attachedBroadcasts(),
  };
}

function refusalOf(
  role: Role,
  { fastPath }: Pick<RelayConfig | ServerConfig, "fastPath">,
  record: boolean,
): string | undefined {
  if (fastPath === "off") return "`fast_path = off`";
  return record ? `\`record = yes\`, by which the ${role} sees every packet` : undefined;
}

/** Whether packets may pass this host's filters by. */
export interface Permission {
  /** Why they may not; undefined: they may. */
  readonly refusal: string | undefined;
  /** What somebody should know of those that may. */
  readonly note: string | undefined;
}

/** @param report what the filters do to the relay's traffic; undefined: it is not known what there is */
export function permissionOf(
  wanted: RelayConfig["fastPath"],
  report: FilterReport | undefined,
): Permission {
  const missed = missedBy(report);
  return wanted === "on"
    ? { refusal: undefined, note: missed && `past what sees packets: ${missed}` }
    : { refusal: missed && `something would miss packets: ${missed}`, note: undefined };
}

/**
 * The same of a server. What passes there is no flow of which the filters see a packet now and then: they
 * see none. So it matters that there are rules, such as a list of addresses that are to be refused, whatever
 * they do.
 *
 * @param report what the filters do to the server's traffic; undefined: it is not known what there is
 */
export function serverPermissionOf(
  wanted: ServerConfig["fastPath"],
  report: FilterReport | undefined,
): Permission {
  const missed = missedBy(report) ?? report?.asked[0];
  return wanted === "on"
    ? { refusal: undefined, note: missed && `past what sees packets: ${missed}` }
    : { refusal: missed && `something would miss packets: ${missed}`, note: undefined };
}

/** Who would miss packets that pass by; undefined: nobody. */
function missedBy(report: FilterReport | undefined): string | undefined {
  if (report === undefined) return "what packet filters there are is not known";
  const { handled, unseen } = report;
  const [unknown] = unseen;
  if (unknown !== undefined) return `cannot look at ${unknown}`;
  const [first, ...more] = handled;
  if (first === undefined) return undefined;
  const others = new Set(more.map(({ by }) => by).filter((by) => by !== first.by)).size;
  return textOf(first) + (others === 0 ? "" : `, and ${others} more`);
}

/** `"limit" of the rule with handle 5 in chain input of table inet filter` */
function textOf({ what, by }: Handled): string {
  return `"${what}" of ${by}`;
}
