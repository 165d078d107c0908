import assert from "node:assert/strict";
import test from "node:test";
import { checkAddressLabels } from "#src/daemon/checks/client/gai.ts";
import { formatCheck } from "#src/daemon/checks/result.ts";
import { SERVICE_PREFIX } from "#src/protocol/wire/teredo_address.ts";

/** Of a closed network. */
const OTHER_PREFIX = 0x3ffe831f;

const labels: readonly (readonly [
  name: string,
  text: string | undefined,
  want: RegExp | undefined,
  prefix?: number,
])[] = [
  ["no file", undefined, undefined],
  ["Debian's file, all of it comments", "# label ::/0 1\n#label 2001:0::/32 7\n", /^ok /],
  ["precedences alone", "precedence ::ffff:0:0/96 100\n", /^ok /],
  ["the library's labels", "label ::1/128 0\nlabel ::/0 1\nlabel 2001:0::/32 7\n", /^ok /],
  [
    "labels without Teredo",
    "label ::1/128 0\nlabel ::/0 1\n",
    /^warn gai_conf: .*label 2001::\/32 7/,
  ],
  ["the same label as the rest", "label ::/0 1\nlabel 2001::/32 1 # why?\n", /^warn gai_conf: /],
  ["a part of the prefix alone", "label ::/0 1\nlabel 2001:0:5::/48 7\n", /^warn gai_conf: /],
  [
    "the library's labels, without another prefix",
    "# label ::/0 1\n",
    /^warn gai_conf: the C library has labels, and none for 3ffe:831f::\/32: .*label 3ffe:831f::\/32 7/,
    OTHER_PREFIX,
  ],
  [
    "labels without another prefix",
    "label ::/0 1\nlabel 2001::/32 7\n",
    /^warn gai_conf: \/etc\/gai\.conf has labels, and none for 3ffe:831f::\/32/,
    OTHER_PREFIX,
  ],
  ["a label for another prefix", "label ::/0 1\nlabel 3ffe:831f::/32 7\n", /^ok /, OTHER_PREFIX],
  ["lines that are none", "label\nlabel x y\nlabel ::/0 -1\nlabel ::/0\n\u0000\n", /^ok /],
];

for (const [name, text, want, prefix = SERVICE_PREFIX] of labels) {
  test(`checkAddressLabels() C-04 ${name}`, () => {
    const results = checkAddressLabels(text, prefix).map(formatCheck);
    assert.equal(results.length, want === undefined ? 0 : 1);
    if (want !== undefined) assert.match(results[0]!, want);
  });
}
