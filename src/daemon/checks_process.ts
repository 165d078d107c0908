import type { ProcessConfig, RelayConfig } from "#src/config/config.ts";
import { errnoName } from "#ffi/layout.ts";
import { LINUX } from "#ffi/linux/layout.ts";
import { EACCES, EPERM } from "#ffi/linux/mod.ts";
import { workersFor } from "#src/datapath/workers.ts";
import { type CheckResult, fail, ok, warn } from "./check.ts";
import type { Capability, Host } from "./host.ts";

/** No machine that runs this lives before the year it was written in. */
export const BUILD_YEAR = 2026;

/** @param needed what the role itself takes, before its process settings */
export function checkPrivileges(
  host: Host,
  process: ProcessConfig,
  needed: readonly Capability[],
): CheckResult {
  const wanted: Capability[] = [...needed];
  if (process.user !== undefined) wanted.push("CAP_SETUID", "CAP_SETGID");
  if (process.chroot !== undefined) wanted.push("CAP_SYS_CHROOT");
  const held = host.capabilities();
  const missing = wanted.filter((name) => !held.has(name));
  if (missing.length === 0) return ok("privileges", wanted.join(", "));
  return fail(
    "privileges",
    `this process lacks ${missing.join(", ")}`,
    `start it as root, e.g. with sudo, or under systemd with AmbientCapabilities=${
      missing.join(" ")
    }`,
  );
}

/** More relay workers than one are told apart by a program that bpf(2) loads. */
export function checkWorkers(host: Host, wanted: RelayConfig["workers"]): CheckResult[] {
  const { count, reason } = workersFor(wanted, host.cores());
  if (count === 1) return [];
  const errno = host.loadSteering(count);
  if (errno === 0) return [ok("workers", `${count} (${reason})`)];
  const detail = `one serves, not ${count} (${reason}): bpf(2) is refused: ${
    errnoName(LINUX, errno)
  }`;
  const mend = errno === EPERM || errno === EACCES
    ? "start it as root, or under systemd with AmbientCapabilities=CAP_BPF; where that is not to " +
      "be had, as in a user namespace, workers = 1"
    : "workers = 1";
  return [warn("workers", detail, mend)];
}

export function checkUser(host: Host, { user }: ProcessConfig): CheckResult[] {
  if (user === undefined) return [];
  const found = host.user(user);
  if (found === undefined) {
    return [fail(
      "user",
      `there is no user ${user} in /etc/passwd`,
      `useradd --system --no-create-home --shell /usr/sbin/nologin ${user}`,
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
    "timedatectl set-ntp true",
  );
}
