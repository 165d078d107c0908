import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { command, teredo } from "./run.ts";

const proposals: readonly [string[], string[]][] = [
  [["re"], ["relay", "reload", "record"]],
  [["c"], ["client", "check", "config", "completion"]],
  [["check", ""], ["relay", "server", "client"]],
  [["help", "con"], ["config"]],
  [["help", "config", ""], ["check", "show", "convert"]],
  [["config", "co"], ["convert"]],
  [["config", "show", ""], [":files"]],
  [["config", "check", "a.ini", ""], [":files"]],
  [["config", "check", "--role", ""], ["relay", "server", "client"]],
  [["relay", "--bind-p"], ["--bind-port"]],
  [["relay", "--type", ""], ["relay", "restricted", "cone"]],
  [["relay", "--conf", "x", "--log-level", ""], ["error", "warn", "info", "debug"]],
  [["relay", "--log-level", "d"], ["debug"]],
  [["relay", "--log-level=d"], ["--log-level=debug"]],
  [["relay", "--log-level", "=", "d"], ["debug"]],
  [["relay", "--log-level", "="], ["error", "warn", "info", "debug"]],
  [["relay", "--offloads", ""], ["auto", "off"]],
  [["relay", "--fast-path", ""], ["auto", "on", "off"]],
  [["relay", "--workers", "a"], ["auto"]],
  [["relay", "--served", "s"], ["self"]],
  [["relay", "--refuse-reserved", "y"], ["yes"]],
  [["relay", "--bind-port", ""], []],
  [["relay", "--bind-address", ""], []],
  [["relay", "-c", ""], [":files"]],
  [["relay", "--config=/etc/"], [":files"]],
  [["relay", "--pid-file", "/run/"], [":files"]],
  [["check", "relay", "--status-socket", ""], [":files"]],
  [["server", "--log-facility", "local7"], ["local7"]],
  [["status", ""], ["relay", "server", "client"]],
  [["peers", ""], ["relay", "client"]],
  [["why", "c"], ["client"]],
  [["status", "-c", ""], [":files"]],
  [["demo", "--nat", "s"], ["symmetric", "sequential"]],
  [["explain", "bad_t"], ["bad_token", "bad_trailer"]],
  [["explain", "Not r"], ["Not ready"]],
  [["explain", "teredo_peers_l"], ["teredo_peers_limit"]],
  [["completion", ""], ["bash", "zsh", "fish"]],
  [["log", ""], ["debug", "off"]],
  [["log", "debug", "r"], ["relay"]],
  [["log", "off", "-c", ""], [":files"]],
  [["nothing", ""], []],
  [["relay", "--nothing", ""], []],
];

for (const [words, want] of proposals) {
  test(`completion proposes after "teredo ${words.join(" ")}"`, () => {
    const { status, stdout } = teredo(["__complete", ...words]);
    assert.equal(status, 0);
    const names = stdout.split("\n").map((line) => line.split("\t")[0]!).filter((it) => it !== "");
    assert.deepEqual(names.filter((it) => !["--help", "-h"].includes(it)), want);
  });
}

/** How each shell starts bare, and what it reads first. `real` is the program, `teredo` shows its words. */
const SHELLS: Readonly<Record<string, { start: string; setup: (real: string) => string }>> = {
  bash: {
    start: "bash --noprofile --norc -i",
    setup: (real) =>
      `PS1='$ '; teredo() { if [[ $1 == __complete ]]; then ${real} "$@"; else printf 'GOT(%s)\\n' "$*"; fi; }
eval "$(${real} completion bash)"`,
  },
  zsh: {
    start: "zsh -f -i",
    setup: (real) =>
      `PS1='$ '; autoload -U compinit; compinit -u -D
teredo() { if [[ $1 == __complete ]]; then ${real} "$@"; else print -r -- "GOT($*)"; fi }
eval "$(${real} completion zsh)"`,
  },
  "zsh by fpath": {
    start: "zsh -f -i",
    setup: (real) =>
      `PS1='$ '; mkdir -p functions; ${real} completion zsh > functions/_teredo
fpath=($PWD/functions $fpath); autoload -U compinit; compinit -u -D
teredo() { if [[ $1 == __complete ]]; then ${real} "$@"; else print -r -- "GOT($*)"; fi }`,
  },
  fish: {
    start: "fish --no-config -i",
    setup: (real) =>
      `function fish_prompt; echo '$ '; end
function teredo; if test "$argv[1]" = __complete; ${real} $argv; else; echo "GOT($argv)"; end; end
${real} completion fish | source`,
  },
};

const typed: readonly [string, string][] = [
  ["teredo rela\t--bind-po\t7", "relay --bind-port 7"],
  ["teredo relay --log-level d\t", "relay --log-level debug"],
  ["teredo relay --log-level=d\t", "relay --log-level=debug"],
  ["teredo config show sub\tuni\t", "config show subfolder/unique.ini"],
  ["teredo relay --config=sub\tuni\t", "relay --config=subfolder/unique.ini"],
  ["teredo encode --prefix 2001:0::/32 --con\t", "encode --prefix 2001:0::/32 --cone"],
  ["teredo relay --bind-port subf\t", "relay --bind-port subf"],
];

for (const [shell, { start, setup }] of Object.entries(SHELLS)) {
  test(`the first TAB in ${shell}, and the others, on a terminal`, () => {
    const folder = mkdtempSync(join(tmpdir(), "teredo-tab-"));
    try {
      mkdirSync(join(folder, "subfolder"));
      writeFileSync(join(folder, "subfolder/unique.ini"), "");
      const [path, argv] = command([]);
      const real = [path, ...argv.map((it) => it.replace(/^src\//, `${process.cwd()}/src/`))];
      writeFileSync(join(folder, "setup"), setup(real.join(" ")));
      const shown = onTerminal(start, typed.map(([keys]) => keys), folder);
      // Behind a word that is whole a shell may put a blank.
      const got = [...shown.matchAll(/GOT\((.*?) ?\)/g)].map((match) => match[1]);
      assert.deepEqual(got, typed.map(([, want]) => want), shown);
    } finally {
      // A shell that has been left may still write what it remembers.
      rmSync(folder, { recursive: true, force: true, maxRetries: 20 });
    }
  });
}

/** What a shell shows on a terminal that zsh's zpty makes, until it has run every line. */
function onTerminal(start: string, lines: readonly string[], cwd: string): string {
  const driver = String.raw`zmodload zsh/zpty
zpty shell ${start}
zpty -w shell 'source ./setup; echo SET"UP"'
zpty -r -m shell out '*SETUP*'
for line in "$@"; do
  zpty -w -n shell "$line"$'\n'
  zpty -r -m shell out '*GOT\(*\)*' && print -r -- $out
done`;
  const env = { ...process.env, TERM: "xterm", HOME: cwd, XDG_CONFIG_HOME: cwd, NO_COLOR: "1" };
  const done = spawnSync("zsh", ["-f", "-c", driver, "driver", ...lines], {
    cwd,
    env,
    encoding: "utf8",
    timeout: 600_000,
  });
  return done.stdout + done.stderr;
}
