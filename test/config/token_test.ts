import assert from "node:assert/strict";
import test from "node:test";
import { diffConfig } from "#src/config/diff.ts";
import { loadConfig, type LoadedConfig } from "#src/config/load.ts";
import { planReload } from "#src/config/reload.ts";
import { ConfigError } from "#src/errors.ts";
import { memoryFiles } from "./memory_files.ts";

const FILE = "/etc/teredo/teredo.ini";
const TOKEN = "/etc/teredo/token";
const WORD = "0123456789abcdefghijkl";

function load(status: string, token?: string, mode = 0o640): LoadedConfig {
  const files = { [FILE]: `[relay]\n[status]\n${status}` };
  const readFile = memoryFiles(token === undefined ? files : { ...files, [TOKEN]: token }, {
    [TOKEN]: mode,
  });
  return loadConfig("relay", { path: FILE, readFile });
}

function problemsOf(run: () => unknown): readonly string[] {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems;
  }
  return [];
}

const tokens: readonly (readonly [name: string, text: string])[] = [
  ["alone", WORD],
  ["on a line", `${WORD}\n`],
  ["with a carriage return", `${WORD}\r\n`],
  ["below a long comment", `${"# kept by the colleagues\n".repeat(500)}${WORD}\n`],
  ["below a comment", `# for the colleagues\n\n${WORD}\n`],
];

for (const [name, text] of tokens) {
  test(`readToken() takes a token ${name}`, () => {
    assert.equal(load("token_file = token\n", text).config.status.token, WORD);
  });
}

const MEND = "write one, as `openssl rand -hex 32` makes it";
const wrong: readonly (readonly [name: string, text: string, problem: string])[] = [
  ["nothing", "", "no token in it"],
  ["a comment alone", "# token\n", "no token in it"],
  ["a short one", "sesame-sesame-sesame0\n", "a token of less than 22 characters can be guessed"],
  ["two", `${WORD}\n${WORD}\n`, "more than one line"],
  [
    "what no header can carry",
    "sesame sesame sesame sesame\n",
    "not a token of up to 512 letters, digits and -._~+/",
  ],
  [
    "one of 513 characters",
    `${"k".repeat(513)}\n`,
    "not a token of up to 512 letters, digits and -._~+/",
  ],
  ["15 MB", "kkk".repeat(5_000_000), "more than one line"],
];

for (const [name, text, problem] of wrong) {
  test(`readToken() refuses ${name}, and does not quote it`, () => {
    const problems = problemsOf(() => load(`token_file = ${TOKEN}\n`, text));
    assert.deepEqual(problems, [`${TOKEN}: ${problem}; ${MEND}`]);
    assert.doesNotMatch(problems.join(), /sesame|kkk/);
  });
}

test("loadConfig() refuses a token that anyone can read, and one that is not there", () => {
  assert.deepEqual(problemsOf(() => load("token_file = token\n", WORD, 0o644)), [
    `${TOKEN}: anyone can read this file of secrets; chmod 640 it`,
  ]);
  assert.deepEqual(problemsOf(() => load("token_file = token\n")), [
    `${FILE}:3: token_file: ${TOKEN}: no such file; check the path`,
  ]);
});

const OPEN = "anyone who reaches 192.0.2.1 could read status and peers; set token_file, or " +
  "allow_anonymous = yes, or listen on 127.0.0.1";
const addresses: readonly (readonly [status: string, problem: string | undefined])[] = [
  ["address = 127.0.0.9\n", undefined],
  ["address = ::1\n", undefined],
  ["address = 192.0.2.1\n", `${FILE}:3: address: ${OPEN}`],
  ["address = 192.0.2.1\nenabled = no\n", undefined],
  ["address = 192.0.2.1\npublic = health, metrics\n", `${FILE}:3: address: ${OPEN}`],
  ["address = 192.0.2.1\ntoken_file = token\n", undefined],
  ["address = 192.0.2.1\nallow_anonymous = yes\n", undefined],
  [
    "address = ::\ntoken_file = token\nallow_anonymous = yes\n",
    `${FILE}:5: allow_anonymous: lets in who has no token, and token_file asks for one; delete one ` +
    "of both",
  ],
];

for (const [status, problem] of addresses) {
  const text = status.trim().replaceAll("\n", ", ");
  test(`checkConfig() with ${text}: ${problem === undefined ? "takes it" : "refuses it"}`, () => {
    assert.deepEqual(
      problemsOf(() => load(status, WORD)),
      problem === undefined ? [] : [problem],
    );
  });
}

test("checkConfig() names the flag that opens the pages", () => {
  const options = { readFile: memoryFiles({}), overrides: { "status.address": "192.0.2.1" } };
  assert.deepEqual(problemsOf(() => loadConfig("relay", options)), [`--status-address: ${OPEN}`]);
});

const lists: readonly (readonly [line: string, want: readonly string[] | RegExp])[] = [
  ["public = metrics health", ["health", "metrics"]],
  ["public = health", ["health"]],
  ["public = health, peers", /:3: public: `peers` is not a choice; write one or more of health, /],
  ["public = ,", /:3: public: `,` is not a choice; /],
  ["hosts = Relay.Example, status.relay.example", ["relay.example", "status.relay.example"]],
  ["hosts = relay.example:443", /:3: hosts: `relay\.example:443` is not a host name; .*no port$/],
  ["hosts = *.example", /:3: hosts: `\*\.example` is not a host name/],
  ["hosts = -relay.example", /:3: hosts: `-relay\.example` is not a host name/],
  [`hosts = ${"a.example ".repeat(33)}`, /:3: hosts: 33 names; write 1 to 32/],
];

for (const [line, want] of lists) {
  test(`loadConfig() of ${line.slice(0, 50)}`, () => {
    if (want instanceof RegExp) {
      assert.match(problemsOf(() => load(`${line}\n`)).join("\n"), want);
      return;
    }
    const { status } = load(`${line}\n`).config;
    assert.deepEqual(line.startsWith("public") ? status.public : status.hosts, want);
  });
}

test("diffConfig() tells of another token in the same file, and neither of them", () => {
  const [a, b] = [WORD, `${WORD}2`].map((word) => load("token_file = token\n", word).config);
  const changes = diffConfig(a!, b!, "relay");
  assert.deepEqual(changes.map(({ id, reload }) => [id, reload]), [["status.token_file", "yes"]]);
  assert.doesNotMatch(JSON.stringify(changes), /0123/);
  assert.deepEqual(diffConfig(a!, a!, "relay"), []);
  assert.equal(planReload(a!, b!, "relay").config.status.token, `${WORD}2`);
});

const OTHER = `${WORD}2`;
/** What a reload would have the pages of a running daemon be open to. */
const kept: readonly (readonly [name: string, running: string, wanted: string, waiting: string])[] =
  [
    [
      "turned off, with their token",
      "token_file = token\n",
      "enabled = no\ntoken_file = token\n",
      "status.enabled",
    ],
    [
      "turned off, without one",
      "token_file = token\n",
      "enabled = no\n",
      "status.enabled status.token_file",
    ],
    [
      "led to loopback, where no token is needed",
      "address = 192.0.2.1\ntoken_file = token\n",
      "allow_anonymous = yes\n",
      "status.address status.token_file status.allow_anonymous",
    ],
    [
      "given another address and more to show there",
      "address = 192.0.2.1\ntoken_file = token\nhosts = relay.example\n",
      "address = 192.0.2.2\ntoken_file = token\npublic = health\ntrace = yes\n",
      "status.address status.token_file status.public status.hosts status.trace",
    ],
    [
      "given a socket",
      "token_file = token\n",
      "socket = /run/teredo/pages\n",
      "status.token_file status.socket",
    ],
  ];

for (const [name, running, wanted, waiting] of kept) {
  test(`planReload() of pages that are to be ${name} leaves them as they are until a restart`, () => {
    const before = load(running, WORD).config;
    const { config, changes } = planReload(before, load(wanted, OTHER).config, "relay");
    assert.deepEqual(config.status, before.status);
    const told = changes.map(({ id, reload }) => `${id} ${reload}`);
    assert.deepEqual(told.sort(), waiting.split(" ").map((id) => `${id} restart`).sort());
  });
}

test("planReload() takes another token where the pages stay where they are", () => {
  const before = load("token_file = token\n", WORD).config;
  const { config } = planReload(
    before,
    load("token_file = token\nport = 1\n", OTHER).config,
    "relay",
  );
  assert.equal(config.status.token, OTHER);
});

test("diffConfig() calls no token another one that was not read, as the pages are off", () => {
  const [on, off] = ["", "enabled = no\n"].map((it) =>
    load(`token_file = token\n${it}`, WORD).config
  );
  assert.deepEqual(diffConfig(on!, off!, "relay").map(({ id }) => id), ["status.enabled"]);
});
