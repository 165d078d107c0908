import assert from "node:assert/strict";
import test from "node:test";
import { typeAsRoot } from "./commands.ts";
import { Device } from "./device.ts";
import type { HostName } from "./hosts.ts";
import type { MachineOptions } from "./machine.ts";

/**
 * What a driver of paper says: one rule of a kernel's source. Without them a life would pass that no
 * kernel lets live.
 */
export interface Rule {
  readonly hosts: readonly HostName[];
  /** The function that it is in, and what it says. */
  readonly at: string;
  readonly options?: MachineOptions;
  play(device: Device): readonly unknown[];
  /** In order; one that differs between hosts is a function. */
  readonly want: readonly unknown[];
}

export const FREEBSD = ["FreeBSD 14", "FreeBSD 15"] as const;
/** An open of /dev/tun makes an interface. */
export const CLONING = [...FREEBSD, "DragonFly BSD 6"] as const;
/** A node of the file system for each unit. */
export const STATIC = ["OpenBSD 7", "NetBSD 10"] as const;

/** Makes a test of each rule on each host. */
export function testRules(rules: readonly Rule[]): void {
  for (const { hosts, at, options, play, want } of rules) {
    for (const host of hosts) {
      test(`tun(4) of ${host} on paper: ${at}`, () => {
        const wanted = want.map((it) => typeof it === "function" ? it(host) : it);
        assert.deepEqual(play(new Device(host, options)), wanted);
      });
    }
  }
}

/** The device with its head, its interface with an address: as a program needs it. */
export function ready(device: Device, path: string): Device {
  device.open(path);
  device.ioctl("TUNSIFHEAD", 1);
  device.ioctl("FIONBIO", 1);
  type(device, `ifconfig ${device.file.unit.link.name} inet6 fe80::7 prefixlen 64`);
  device.file.unit.queue.length = 0; // of duplicate address detection
  return device;
}

/** What an operator types. @returns its status */
export const type = (device: Device, line: string): number =>
  typeAsRoot(device.machine, line).status;
