import test from "node:test";
import { Lab } from "#src/demo/lab.ts";
import { inLanes } from "../lanes.ts";
import { startRelay, startServer } from "../programs.ts";

export interface ClientCase {
  readonly name: string;
  run(lab: Lab): Promise<void>;
}

/** Runs each behind a NAT of its own, beside our server and our relay. @param title before each name */
export function testClients(title: string, cases: readonly ClientCase[]): void {
  const outcomes = inLanes(cases.map(({ run }) => async () => {
    const lab = await Lab.create({ nats: ["port-restricted"] });
    try {
      await startServer(lab, "teredo");
      await startRelay(lab, "teredo");
      await run(lab);
    } finally {
      await lab.close();
    }
  }));
  for (const [i, { name }] of cases.entries()) {
    test(`${title} ${name}`, { timeout: 600_000 }, () => outcomes[i]!);
  }
}
