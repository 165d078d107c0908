import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What an independent program reads in a capture: a row a packet, each with these fields' texts. */
export function tshark(
  capture: Uint8Array,
  fields: readonly string[],
  filter = "",
): readonly (readonly string[])[] {
  const folder = mkdtempSync(join(tmpdir(), "teredo-capture-"));
  try {
    const file = join(folder, "capture.pcapng");
    writeFileSync(file, capture);
    const text = execFileSync("tshark", [
      "-r",
      file,
      "-n",
      // A relay's port may be any; the dissector looks for Teredo at the well-known one by itself.
      ...["-d", "udp.port==3545,teredo"],
      ...["-Y", filter === "" ? "frame" : filter],
      ...["-T", "fields", "-E", "occurrence=a", "-E", "separator=/t"],
      ...fields.flatMap((field) => ["-e", field]),
    ], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return text.split("\n").slice(0, -1).map((line) => line.split("\t"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Warnings and errors of any kind but TCP's analysis of its sequence numbers. */
const WRONG =
  "_ws.malformed || (_ws.expert.severity >= 0x600000 && !(_ws.expert.group == 0x02000000))";

/** No packet in it is malformed, and none has an error or a warning about its form. */
export function assertWellFormed(capture: Uint8Array): void {
  assert.deepEqual(tshark(capture, ["frame.number", "_ws.expert.message"], WRONG), []);
}
