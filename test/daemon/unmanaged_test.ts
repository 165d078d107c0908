import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import test from "node:test";

const FOLDER = "docs/examples/unmanaged";
const NAME = "teredo";

/** Of each file the setting by which its program leaves an interface alone. */
const SETTINGS: Readonly<Record<string, readonly [section: string, line: RegExp][]>> = {
  "networkmanager.conf": [
    ["device-teredo", /^match-device=interface-name:(\S+)$/m],
    ["device-teredo", /^managed=0$/m],
  ],
  "networkd.network": [["Match", /^Name=(\S+)$/m], ["Link", /^Unmanaged=yes$/m]],
  "connman.conf": [["General", /^NetworkInterfaceBlacklist=(?:\S+,)?(teredo)$/m]],
};

/** Sections of an INI file; nothing but comments may stand before the first one. */
function sectionsOf(text: string): Map<string, string> {
  const [before, ...sections] = text.split(/^\[/m);
  assert.match(before!, /^(#.*\n|\n)*$/);
  return new Map(sections.map((it) => {
    const end = it.indexOf("]\n");
    return [it.slice(0, end), it.slice(end + 2)];
  }));
}

test("docs/examples/unmanaged has a file for each program that is told to copy one", () => {
  const rivals = readFileSync("src/datapath/linux/keep/rivals.ts", "utf8");
  const told = [...rivals.matchAll(/\$\{EXAMPLES\}\/([a-z.]+)/g)].map(([, file]) => file!);
  assert.deepEqual(told.sort(), readdirSync(FOLDER).sort());
  assert.deepEqual(told, Object.keys(SETTINGS).sort());
});

for (const [file, settings] of Object.entries(SETTINGS)) {
  test(`${file} names the default interface, in the sections of its program`, () => {
    const text = readFileSync(`${FOLDER}/${file}`, "utf8");
    const sections = sectionsOf(text);
    assert.deepEqual([...sections.keys()], [...new Set(settings.map(([section]) => section))]);
    for (const [section, line] of settings) {
      const found = line.exec(sections.get(section)!);
      assert.ok(found !== null, `${section}: ${line}`);
      assert.equal(found[1] ?? NAME, NAME);
    }
    const sample = readFileSync("docs/examples/teredo.ini", "utf8");
    assert.match(sample, new RegExp(`^#?\\s*interface_name = ${NAME}$`, "m"));
  });
}
