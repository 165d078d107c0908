import type { ProcessConfig, RelayConfig } from "#src/config/config.ts";
import { workersFor } from "#src/datapath/threads/workers.ts";
import { type CheckResult, fail, ok, warn } from "./result.ts";
import type { Host, Right } from "../host/contract.ts";

/** No machine that runs this lives before the year it was written in. */
export const BUILD_YEAR = 2026;

/** Ports below this take a right of their own. ip-sysctl, ip_unprivileged_port_start */
const UNPRIVILEGED_PORT = 1024;

/** What takes `needs`, and a UDP port. @param port 0: any */
export function portNeeds(needs: readonly Right[], port: number): readonly Right[] {
  return port > 0 && port < UNPRIVILEGED_PORT ? [...needs, "bind low ports"] : needs;
}

/** @param needed what the role itself takes, before its process settings */
export function checkPrivileges(
  host: Host,
  process: ProcessConfig,
  needed: readonly Right[],
): CheckResult {
  const all: Right[] = [...needed];
  if (process.user !== undefined) all.push("become a user");
  if (process.chroot !== undefined) all.push("change the root directory");
  const { wanted, missing } = host.rights(all);
  if (missing.length === 0) return ok("privileges", wanted.join(", "));
  return fail(
    "privileges",
    `this process lacks ${missing.join(", ")}`,
    host.words.morePrivileges(missing),
  );
}

/** More relay workers than one take a kernel that shares out packets among them. */
export function checkWorkers(host: Host, wanted: RelayConfig["workers"]): CheckResult[] {
  const { count, reason } = workersFor(wanted, host.cores());
  if (count === 1) return [];
  const { oneWorker } = host;
  if (oneWorker !== undefined && wanted === "auto") return [ok("workers", `1 (${oneWorker})`)];
  const refused = oneWorker === undefined
    ? host.refusesWorkers(count)
    : { problem: oneWorker, mend: "workers = 1" };
  if (refused === undefined) return [ok("workers", `${count} (${reason})`)];
  return [
    warn("workers", `one serves, not ${count} (${reason}): ${refused.problem}`, refused.mend),
  ];
}

export function checkUser(host: Host, { user }: ProcessConfig): CheckResult[] {
  if (user === undefined) return [];
  const found = host.user(user);
  if (found === undefined) {
    return [fail(
      "user",
      `there is no user ${user} in /etc/passwd`,
      host.words.addUser(user),
    )];
  }
  if (found.uid === 0) {
    return [fail(
      "user",
      `${user} is the superuser, so nothing would be given up`,
      "choose another user, e.g. nobody, or none",
    )];
  }
  return [ok("user", `${found.name}, uid ${found.uid}`)];
}

export function checkChroot(host: Host, { chroot }: ProcessConfig): CheckResult[] {
  if (chroot === undefined) return [];
  if (host.isDirectory(chroot)) return [ok("chroot", chroot)];
  return [fail("chroot", `${chroot} is not a directory`, `mkdir -p ${chroot}`)];
}

export function checkClock(host: Host): CheckResult {
  const year = host.year();
  if (year >= BUILD_YEAR) return ok("clock", `it is ${year}`);
  return warn(
    "clock",
    `the clock says ${year}: times in logs and metrics will mislead`,
    host.words.setClock,
  );
}
