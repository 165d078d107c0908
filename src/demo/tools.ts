import { accessSync, constants } from "node:fs";
import { join } from "node:path";

/** Command and the Debian package it comes in. */
const NEEDED = {
  ip: "iproute2",
  nft: "nftables",
  unshare: "util-linux",
  nsenter: "util-linux",
  ping: "iputils-ping",
} as const;

/** Directories that a user's PATH often lacks. */
const SYSTEM_PATH = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/**
 * What keeps the lab from being built here, one line each with what to do; empty when nothing does.
 *
 * @param platform as `process.platform`
 */
export function missingForLab(platform: string = process.platform): string[] {
  if (platform !== "linux") return [elsewhere(platform)];
  addSystemPath();
  const missing = Object.entries(NEEDED).filter(([command]) => !isCommand(command));
  const problems: string[] = [];
  if (missing.length > 0) {
    const commands = missing.map(([command]) => command).join(", ");
    const packages = [...new Set(missing.map(([, name]) => name))].join(" ");
    problems.push(`Commands are missing: ${commands}; run: apt-get install ${packages}`);
  }
  if (!isAccessible("/dev/net/tun", constants.R_OK | constants.W_OK)) {
    problems.push(
      "/dev/net/tun cannot be opened by this user; run as root, or: modprobe tun && chmod 666 /dev/net/tun",
    );
  }
  return problems;
}

function elsewhere(platform: string): string {
  return `The demo builds its networks from Linux network namespaces, which ${platform} does not ` +
    "have: run it on a Linux machine. Here `teredo check relay` shows whether this system is fit " +
    "for a relay, and `teredo probe SERVER` tries a server from it";
}

/** Lets this process and those it starts find what lies in the system directories. */
function addSystemPath(): void {
  const path = (process.env["PATH"] ?? "").split(":");
  process.env["PATH"] = [...path, ...SYSTEM_PATH.filter((it) => !path.includes(it))].join(":");
}

function isCommand(name: string): boolean {
  const path = (process.env["PATH"] ?? "").split(":");
  return path.some((directory) => isAccessible(join(directory, name), constants.X_OK));
}

function isAccessible(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
