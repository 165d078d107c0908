import { TEREDO_PORT } from "#src/protocol/wire/teredo_address.ts";
import type { RelayConfig } from "../config.ts";
import type { Problems } from "../problems.ts";
import { checkBindAddress, checkHoldMemory, type Names } from "./common.ts";

export function checkRelay(relay: RelayConfig, names: Names, problems: Problems): void {
  checkBindAddress("relay.bind_address", relay.bindAddress, names, problems);
  if (relay.bindPort === TEREDO_PORT) {
    problems.notice(
      names.where("relay.bind_port"),
      "3544 is the port of servers, whose packets clients treat otherwise; write e.g. 3545",
    );
  }
  if (relay.type === "restricted") {
    problems.notice(
      names.where("relay.type"),
      "a restricted relay is slower to reach clients; open its UDP port and write `relay`",
    );
  }
  checkHold(relay, names, problems);
  checkHoldMemory("relay", relay, "clients", names, problems);
  checkRoutes(relay, names, problems);
}

/** Of routes that come by BGP from other relays, as FRR installs them; BIRD has 32. */
const BGP_METRIC = 20;
/** RTPROT_ of BIRD and of FRR's daemons: is_selfroute() of zebra. */
const ROUTING_DAEMONS: readonly (readonly [from: number, to: number])[] = [
  [11, 12],
  [42, 42],
  [186, 198],
];

function checkRoutes(relay: RelayConfig, names: Names, problems: Problems): void {
  const { announce, routeMetric, announceMetric, announceProtocol: protocol } = relay;
  if (!announce) return;
  if (routeMetric >= BGP_METRIC) {
    problems.error(
      names.where("relay.route_metric"),
      `${routeMetric} may lose against the route that another relay announces, so that packets for ` +
        `clients go there; write less than ${BGP_METRIC}`,
    );
  }
  if (announceMetric >= routeMetric) {
    problems.error(
      names.where("relay.announce_metric"),
      `${announceMetric} hides behind ${
        names.name("relay.route_metric")
      } ${routeMetric}, so that no ` +
        "routing daemon learns it; write less",
    );
  }
  if (ROUTING_DAEMONS.some(([from, to]) => from <= protocol && protocol <= to)) {
    problems.error(
      names.where("relay.announce_protocol"),
      `${protocol} is a routing daemon's own, which does not learn what it takes for its own; write ` +
        "e.g. 201",
    );
  }
}

/** Both are given by the operator when they do not fit: their defaults fit anything. */
function checkHold(relay: RelayConfig, names: Names, problems: Problems): void {
  const { holdBytes, interfaceMtu } = relay;
  if (holdBytes < interfaceMtu) {
    problems.error(
      names.where("relay.hold_bytes"),
      `${holdBytes} bytes hold no packet of ${names.name("relay.interface_mtu")} ` +
        `${interfaceMtu}; write at least ${interfaceMtu}`,
    );
  }
}
