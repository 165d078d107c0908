import assert from "node:assert/strict";
import test from "node:test";
import type { ClientDocument } from "#src/status/client_document.ts";
import { natText } from "#src/status/client_text.ts";

type Facts = Pick<ClientDocument, "nat" | "filtering" | "port_preserving" | "port_mapping">;
const PLAIN = { filtering: "unknown", port_preserving: false, port_mapping: "none" } as const;

const texts: readonly [string, Pick<Facts, "nat"> & Partial<Facts>][] = [
  ["no NAT", { nat: "none", port_preserving: true }],
  ["a firewall and no NAT", { nat: "firewall", filtering: "dependent", port_preserving: true }],
  ["a cone NAT", { nat: "cone", filtering: "endpoint_independent" }],
  ["a cone or restricted NAT", { nat: "restricted" }],
  ["a cone or restricted NAT that keeps ports", { nat: "restricted", port_preserving: true }],
  ["a restricted NAT", { nat: "restricted", filtering: "dependent" }],
  ["a NAT that is symmetric by port", { nat: "symmetric_port" }],
  [
    "a NAT that is symmetric by port, which keeps strangers out",
    { nat: "symmetric_port", filtering: "dependent" },
  ],
  [
    "a NAT that is symmetric by address, which lets strangers in",
    { nat: "symmetric_address", filtering: "endpoint_independent" },
  ],
  ["a NAT of unknown kind, port asked for by pcp", { nat: "unknown", port_mapping: "pcp" }],
];

for (const [text, facts] of texts) {
  test(`natText() says ${text}`, () => assert.equal(natText({ ...PLAIN, ...facts }), text));
}
