import type { Bsd } from "./machine.ts";

/** What the four systems say in their own words, as an operator types it. */

/** To forward IPv6 packets. */
export const FORWARD: Readonly<Record<Bsd, string>> = {
  "FreeBSD": "sysctl net.inet6.ip6.forwarding=1",
  "OpenBSD": "sysctl net.inet6.ip6.forwarding=1",
  "NetBSD": "sysctl -w net.inet6.ip6.forwarding=1",
  "DragonFly BSD": "sysctl net.inet6.ip6.forwarding=1",
};
export const FIND_PORT: Readonly<Record<Bsd, string>> = {
  "FreeBSD": "sockstat -4l -P udp -p 3545",
  "OpenBSD": "fstat | grep ':3545'",
  "NetBSD": "sockstat -4l -p 3545",
  "DragonFly BSD": "sockstat -4l | grep ':3545 '",
};
export const STOP: Readonly<Record<Bsd, (name: string) => string>> = {
  "FreeBSD": (name) => `service ${name} stop`,
  "OpenBSD": (name) => `rcctl stop ${name}`,
  "NetBSD": (name) => `service ${name} stop`,
  "DragonFly BSD": (name) => `service ${name} stop`,
};
export const ADD_USER: Readonly<Record<Bsd, string>> = {
  "FreeBSD": "pw useradd teredo -d /nonexistent -s /usr/sbin/nologin",
  "OpenBSD": "useradd -g =uid -d /var/empty -s /sbin/nologin teredo",
  "NetBSD": "useradd -g =uid -d /nonexistent -s /sbin/nologin teredo",
  "DragonFly BSD": "pw useradd teredo -d /nonexistent -s /sbin/nologin",
};
export const SET_CLOCK: Readonly<Record<Bsd, string>> = {
  "FreeBSD": "ntpd -gq",
  "OpenBSD": "rdate pool.ntp.org",
  "NetBSD": "ntpdate -b pool.ntp.org",
  "DragonFly BSD": "dntpd -s",
};
/** What is well with tun(4). */
export const TUN: Readonly<Record<Bsd, string>> = {
  "FreeBSD": "if_tuntap is there",
  "OpenBSD": "tun(4) is there",
  "NetBSD": "tun(4) is there",
  "DragonFly BSD": "if_tun is there",
};
