/**
 * What the program and its tests are made of, as docs/dependencies.md tells it:
 *
 *     bun scripts/dependencies.ts          asks the registry, measures, writes dependencies.json
 *     bun scripts/dependencies.ts sizes    measures alone: what scripts/build has made, and its sources
 *
 * Then `bun scripts/docs.ts` makes the tables. `why` is written by hand, and so is `maintainers` where
 * the registry does not tell.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const FILE = "scripts/dependencies.json";

export interface Package {
  readonly why: string;
  readonly version?: string;
  readonly license?: string;
  /** In the program for x64, before it is packed. */
  readonly bytes?: number;
  /** Accounts that may publish it; not known when absent. */
  readonly maintainers?: number;
  /** When the registry got its newest version, and which that was. */
  readonly released?: string;
  readonly newest?: string;
}

/** Bytes of the program for x64 and of parts of it, before it is packed. */
export interface Sizes {
  /** All of it, as `scripts/build` makes it. */
  readonly program: number;
  /** Source, which it holds beside the bytecode that is made of it: of packages and ours. */
  readonly source: number;
  readonly ours: number;
}

interface Data {
  /** The day of the registry's answers. */
  readonly fetched: string;
  readonly sizes: Sizes;
  readonly packages: Readonly<Record<string, Package>>;
}

export const readData = (): Data => JSON.parse(readFileSync(FILE, "utf8")) as Data;

const read = (path: string) => JSON.parse(readFileSync(path, "utf8"));
const namesIn = (field: string) => Object.keys(read("package.json")[field]).toSorted();

/** The packages that package.json names. */
export const LOCKED = {
  dependencies: namesIn("dependencies"),
  devDependencies: namesIn("devDependencies"),
};

/** Bytes of each package, and of our own folders, in what the two entries are bundled to. */
export function bundledBytes(): ReadonlyMap<string, number> {
  const folder = mkdtempSync(join(tmpdir(), "teredo-bundle-"));
  try {
    const metafile = join(folder, "meta.json");
    execFileSync("bun", [
      ...["build", "--target=bun", "--minify-syntax", "--minify-whitespace", "--outdir", folder],
      ...[`--metafile=${metafile}`, "src/main.ts", "src/datapath/threads/entry.ts"],
    ], { stdio: ["ignore", "ignore", "inherit"] });
    const bytes = new Map<string, number>();
    const { outputs } = read(metafile) as {
      outputs: Record<string, { inputs: Record<string, { bytesInOutput: number }> }>;
    };
    for (const { inputs } of Object.values(outputs)) {
      for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
        const name = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? path.split("/")[0]!;
        bytes.set(name, (bytes.get(name) ?? 0) + bytesInOutput);
      }
    }
    return bytes;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const kib = (bytes: number) =>
  `${(bytes / 1024).toLocaleString("en", { maximumFractionDigits: 0 })} KiB`;

/** Rows of what the program consists of; the first is the head. */
export function sizeRows(): string[][] {
  const { packages, sizes: { program, source, ours } } = readData();
  const runtime = packages["bun"]!.bytes!;
  return [
    ["of the program for x64", "size"],
    ["the runtime", kib(runtime)],
    ["source of packages", kib(source - ours)],
    ["source of ours", kib(ours)],
    ["bytecode of all of it, and what Bun adds besides", kib(program - runtime - source)],
    ["all", kib(program)],
  ];
}

/** Rows of packages; the first is the head. */
export function rowsOf(names: readonly string[]): string[][] {
  const { packages } = readData();
  const head = [
    "package",
    "what for",
    "version",
    "licence",
    "in the program",
    "maintainers",
    "last release",
  ];
  return [head, ...names.map((name) => row(name, packages[name] ?? { why: "" }))];
}

function row(name: string, one: Package): string[] {
  const { why, version = "", license = "", bytes, maintainers, released = "", newest } = one;
  const size = bytes === undefined ? "-" : kib(bytes);
  const last = newest === version ? released : `${released} (${newest})`;
  return [`\`${name}\``, why, version, license, size, String(maintainers ?? "not told"), last];
}

/** @param bundled what {@link bundledBytes} says; the program is the one that was built last */
function measuredSizes(bundled: ReadonlyMap<string, number>): Sizes {
  const isOurs = (name: string) => ["src", "ffi"].includes(name);
  const sum = (names: readonly string[]) =>
    names.reduce((sum, name) => sum + bundled.get(name)!, 0);
  const names = [...bundled.keys()];
  return {
    program: statSync("dist/teredo").size,
    source: sum(names),
    ours: sum(names.filter(isOurs)),
  };
}

function update(): void {
  const before = readData();
  const bundled = bundledBytes();
  const packages: Record<string, Package> = {};
  for (const [name, { why, maintainers }] of Object.entries(before.packages)) {
    const { version, license } = read(`node_modules/${name}/package.json`) as Record<
      string,
      string
    >;
    const told = JSON.parse(execFileSync("npm", ["view", name, "--json"], { encoding: "utf8" }));
    const newest = told["dist-tags"].latest as string;
    const accounts = told.maintainers?.length as number | undefined ?? maintainers;
    const bytes = name === "bun"
      ? statSync("node_modules/bun/bin/bun.exe").size
      : bundled.get(name);
    packages[name] = {
      why,
      version: version!,
      license: license!,
      ...(bytes === undefined ? {} : { bytes }),
      ...(accounts === undefined ? {} : { maintainers: accounts }),
      released: (told.time[newest] as string).slice(0, 10),
      newest,
    };
  }
  const fetched = new Date().toISOString().slice(0, 10);
  const sizes = measuredSizes(bundled);
  writeFileSync(FILE, `${JSON.stringify({ fetched, sizes, packages }, null, 2)}\n`);
}

function updateSizes(): void {
  const sizes = measuredSizes(bundledBytes());
  const { fetched, packages } = readData();
  writeFileSync(FILE, `${JSON.stringify({ fetched, sizes, packages }, null, 2)}\n`);
}

if (import.meta.main) process.argv[2] === "sizes" ? updateSizes() : update();
