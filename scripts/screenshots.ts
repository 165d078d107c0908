import process from "node:process";
import type { BrowserContextOptions } from "playwright-core";
import { Lab } from "#src/demo/lab.ts";
import { HOST_IPV6, SERVER_ADDRESS } from "#src/demo/topology.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import { SERVICE_PREFIX, toBytes } from "#src/protocol/wire/teredo_address.ts";
import { LabBrowser } from "#test/netns/browser.ts";
import {
  RELAY_PORT,
  START_PATIENCE,
  startMiredoClient,
  startRelay,
  startServer,
  teredo,
  wait,
} from "#test/netns/programs.ts";

/**
 * Pictures for docs/page.md, of a relay with real traffic and of a client of ours: `scripts/screenshots [MINUTES]`. As root,
 * with the binary in `TEREDO_BIN`; 16 minutes fill the charts.
 */
const FOLDER = "docs/pictures";
const RELAY = "http://127.0.0.1:9545/";
const CLIENT = "http://127.0.0.1:9546/";
const TALK_PORT = 5001;
const MINUTE = 60_000;
const minutes = Number(process.argv[2] ?? 16);

/** A program of its own: who listens takes and answers with part of it; who talks sends up and down. */
const TALK = `
const { createServer, connect } = require("node:net");
const [mode, seed, most] = process.argv.slice(1);
if (mode === "listen") {
  createServer((it) => it.on("error", () => {}).on("data", (b) => it.write(b.subarray(0, b.length >> 3))))
    .listen({ host: "${HOST_IPV6}", port: ${TALK_PORT} });
} else {
  const socket = connect({ host: "${HOST_IPV6}", port: ${TALK_PORT} });
  socket.on("data", () => {}).on("error", () => {});
  setInterval(() => {
    const t = Date.now() / 1000 + 1000 * Number(seed);
    const wave = 1 + 0.6 * Math.sin(t / 97) + 0.25 * Math.sin(t / 23) + 0.15 * Math.random();
    socket.write(Buffer.alloc(Math.max(0, Math.round(Number(most) * wave / 20))));
  }, 50);
}
`;

/** Teredo addresses that nobody has: bubbles to them are in vain. */
function nobody(i: number): string {
  return formatIpv6(toBytes({
    prefix: SERVICE_PREFIX,
    serverAddress: parseIpv4(SERVER_ADDRESS)!,
    flags: 0,
    mappedAddress: parseIpv4(`198.51.100.${100 + i % 100}`)!,
    mappedPort: 40_000 + i,
  }));
}

/** The last is our own client's. */
const NATS = ["port-restricted", "restricted", "full-cone", "none", "port-restricted"] as const;
const OURS = NATS.length - 1;

const lab = await Lab.create({ nats: NATS });
let browser: LabBrowser | undefined;
try {
  await startServer(lab, "teredo");
  await startRelay(lab, "teredo", `[relay]\nbind_port = ${RELAY_PORT}\n`);
  lab.spawn("host6", [process.execPath, "-e", TALK, "listen"]);
  for (const [i, { client }] of lab.sites.entries()) {
    if (i === OURS) await startClient(client);
    else await startMiredoClient(lab, client);
    lab.spawn(client, [process.execPath, "-e", TALK, "talk", `${i}`, `${120_000 * (i + 1)}`]);
  }
  const ask = (...args: string[]) => lab.run("rly", teredo(...args));
  const end = performance.now() + minutes * MINUTE;
  const happenings: Record<number, () => Promise<unknown>> = {
    4: () => ask("reload", "relay"),
    8: () => ask("drain", "relay"),
    9: () => ask("undrain", "relay"),
    12: () => lab.sh("rly", "ip link set teredo down"),
  };
  for (let minute = 0, i = 0; performance.now() < end; minute++) {
    await happenings[minute]?.();
    for (const stop = performance.now() + MINUTE; performance.now() < Math.min(stop, end);) {
      // Somebody looks for clients that are gone, at times for many at once.
      const many = minute % 5 === 3 ? 6 : 1;
      for (let k = 0; k < many; k++) {
        await lab.run("host6", ["ping", "-6", "-n", "-c", "1", "-W", "0.1", nobody(i++ % 60)]);
      }
      await wait(2_000);
    }
  }
  browser = await LabBrowser.start(lab, "rly");
  await shoot(browser, "light", RELAY, { viewport: { width: 1280, height: 1080 } });
  await shoot(browser, "dark", RELAY, {
    viewport: { width: 1280, height: 1080 },
    colorScheme: "dark",
  });
  await shoot(browser, "phone", RELAY, { viewport: { width: 320, height: 800 } });
  await shoot(browser, "no_script", RELAY, {
    viewport: { width: 1280, height: 1080 },
    javaScriptEnabled: false,
  });
  await shoot(browser, "peers", `${RELAY}find?sort=received`, {
    viewport: { width: 1280, height: 640 },
  });
  await browser.close();
  browser = await LabBrowser.start(lab, lab.sites[OURS]!.client);
  await shoot(browser, "client", CLIENT, { viewport: { width: 1280, height: 1080 } });
} finally {
  await browser?.close();
  await lab.close();
}

async function startClient(namespace: string): Promise<void> {
  const client = lab.spawn(
    namespace,
    teredo("client", SERVER_ADDRESS, "--state-file=/run/client.json"),
  );
  await client.waitForLine(/state=qualified/, START_PATIENCE);
}

async function shoot(
  browser: LabBrowser,
  name: string,
  url: string,
  options: BrowserContextOptions,
): Promise<void> {
  const page = await browser.open(url, options);
  // Some rows come, and what words say follows them.
  await wait(3_000);
  await page.screenshot({ path: `${FOLDER}/${name}.png` });
  await page.context().close();
}
