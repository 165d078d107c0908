/**
 * What is in the released programs, as a CycloneDX document: `npm sbom` lists what is locked, and this
 * keeps what goes into a program, the runtime of each target among it, and leaves out what differs
 * from one run to the next.
 *
 *     npm sbom --package-lock-only --sbom-format cyclonedx --sbom-type application |
 *       bun scripts/sbom.ts VERSION DATE TARGET...
 *
 * DATE is in seconds since 1970, TARGET one of scripts/release.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import process from "node:process";

interface Component {
  "bom-ref": string;
  name: string;
  version: string;
  purl: string;
  scope?: string;
  properties?: unknown[];
}

interface Bom {
  serialNumber: string;
  metadata: { timestamp: string; component: Component };
  components: Component[];
  dependencies: { ref: string; dependsOn: string[] }[];
}

/** The package that has a target's runtime. */
export const runtimeOf = (target: string) => `@oven/bun-${target.replace("arm64", "aarch64")}`;

/** @param all `npm sbom`'s document of everything that is locked @param direct the program's packages */
export function released(
  all: Bom,
  direct: readonly string[],
  version: string,
  date: Date,
  targets: readonly string[],
): Bom {
  const refs = new Map(all.components.map((component) => [component.name, component["bom-ref"]]));
  const wanted = new Set<string>();
  const follow = (ref: string) => {
    if (wanted.has(ref)) return;
    wanted.add(ref);
    for (const next of all.dependencies.find((one) => one.ref === ref)?.dependsOn ?? []) {
      follow(next);
    }
  };
  // What Deno or Node is to run brings none of them.
  const runtimes = targets.filter((target) => target !== "node").map(runtimeOf);
  for (const name of [...direct, ...runtimes]) {
    const ref = refs.get(name);
    if (ref === undefined) throw new Error(`${name} is not locked`);
    follow(ref);
  }
  // A development dependency of the project is a part of what is released here.
  const components = all.components.filter((component) => wanted.has(component["bom-ref"]))
    .map((component) => ({ ...component, scope: "required", properties: [] }));
  const [name, ref] = ["teredo", `teredo@${version}`];
  const purl = `pkg:npm/teredo@${encodeURIComponent(version)}`;
  const component = { ...all.metadata.component, "bom-ref": ref, name, version, purl };
  const dependencies = [
    { ref, dependsOn: components.map((one) => one["bom-ref"]) },
    ...all.dependencies.filter((one) => wanted.has(one.ref)),
  ];
  const metadata = { ...all.metadata, timestamp: date.toISOString(), component };
  const bom = { ...all, serialNumber: "", metadata, components, dependencies };
  return { ...bom, serialNumber: `urn:uuid:${uuidOf(JSON.stringify(bom))}` };
}

/** A name-based UUID (RFC 9562 §5.8): the same content, the same number. */
function uuidOf(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  const variant = (Number(`0x${hex[16]}`) & 3 | 8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join("-");
}

if (import.meta.main) {
  const [version, date, ...targets] = process.argv.slice(2);
  const { dependencies } = JSON.parse(readFileSync("package.json", "utf8"));
  const all = JSON.parse(readFileSync(0, "utf8")) as Bom;
  const when = new Date(Number(date) * 1_000);
  const bom = released(all, Object.keys(dependencies), version!, when, targets);
  process.stdout.write(`${JSON.stringify(bom, null, 2)}\n`);
}
