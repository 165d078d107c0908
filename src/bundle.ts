import { isMainThread } from "node:worker_threads";

// One file is the program and each of its threads: what `scripts/build --node` bundles.
await (isMainThread ? import("./main.ts") : import("./datapath/threads/entry.ts"));
