import { Exit } from "./commands.ts";
import { errorText } from "./layouts.ts";
import { EPERM, type SystemName } from "./numbers.ts";

/** How ifconfig(8) of one system says that something did not work. */
export interface IfconfigWords {
  /** Asked to show an interface that is not there. */
  missing(name: string): Exit;
  /** Asked to change one that is not there. */
  missingForChange(name: string): Exit;
  create(name: string, errno: number): Exit;
  destroy(name: string, errno: number): Exit;
  rename(errno: number): Exit;
  flags(name: string, errno: number): Exit;
  addAddress(errno: number): Exit;
  deleteAddress(errno: number): Exit;
  /** Undefined: it only warns, and ends with status 0. */
  mtu(errno: number): Exit | undefined;
  /** On standard error when it warns. */
  readonly mtuWarning: (errno: number) => string;
}

const err = (what: string, errno: number) =>
  new Exit(1, `ifconfig: ${what}: ${errorText(errno)}\n`);
const errx = (what: string) => new Exit(1, `ifconfig: ${what}\n`);
const warning = (errno: number) => `ifconfig: SIOCSIFMTU: ${errorText(errno)}\n`;

/** Perror() of sbin/ifconfig/ifconfig.c. */
const perror = (what: string, errno: number) =>
  errno === EPERM ? errx(`${what}: permission denied`) : err(what, errno);

/** sbin/ifconfig/ifconfig.c, ifclone.c, af_inet6.c */
const FREEBSD: IfconfigWords = {
  missing: (name) => errx(`interface ${name} does not exist`),
  missingForChange: (name) => errx(`interface ${name} does not exist`),
  create: (name, errno) => err(`SIOCIFCREATE2 (${name})`, errno),
  destroy: (_name, errno) => err("SIOCIFDESTROY", errno),
  rename: (errno) => err("ioctl SIOCSIFNAME (set name)", errno),
  flags: (_name, errno) => perror("ioctl (SIOCSIFFLAGS)", errno),
  addAddress: (errno) => perror("ioctl (SIOCAIFADDR)", errno),
  deleteAddress: (errno) => perror("ioctl (SIOCDIFADDR)", errno),
  mtu: (errno) => err("ioctl SIOCSIFMTU (set mtu)", errno),
  mtuWarning: warning,
};

/** sbin/ifconfig/ifconfig.c 1.476: setifmtu() warns. */
const OPENBSD: IfconfigWords = {
  missing: (name) => new Exit(1, `${name}: no such interface\n`),
  missingForChange: (name) => err(`${name}: SIOCGIFFLAGS`, 6),
  create: (name, errno) => err(`${name}: SIOCIFCREATE`, errno),
  destroy: (name, errno) => err(`${name}: SIOCIFDESTROY`, errno),
  rename: () => errx("name: bad value"),
  flags: (name, errno) => err(`${name}: SIOCSIFFLAGS`, errno),
  addAddress: (errno) => err("SIOCAIFADDR", errno),
  deleteAddress: (errno) => err("SIOCDIFADDR", errno),
  mtu: () => undefined,
  mtuWarning: warning,
};

/** sbin/ifconfig/ifconfig.c: setifmtu() warns; what else returns -1 ends in exec_matches. */
const NETBSD: IfconfigWords = {
  missing: (name) => err(`SIOCGIFFLAGS ${name}`, 6),
  missingForChange: () => err("exec_matches", 6),
  create: (_name, errno) => cloneCommand(errno),
  destroy: (_name, errno) => cloneCommand(errno),
  rename: () => new Exit(1, "usage: ifconfig [-h] [-m] [-v] [-z] interface\n"),
  flags: (_name, errno) => err("exec_matches", errno),
  addAddress: (errno) => err("SIOCAIFADDR_IN6", errno),
  deleteAddress: (errno) => err("SIOCDIFADDR_IN6", errno),
  mtu: () => undefined,
  mtuWarning: warning,
};

function cloneCommand(errno: number): Exit {
  const why = errorText(errno);
  return new Exit(1, `ifconfig: clone_command: ${why}\nifconfig: exec_matches: ${why}\n`);
}

/** sbin/ifconfig/ifconfig.c, of FreeBSD's descent. */
const DRAGONFLY: IfconfigWords = {
  ...FREEBSD,
  create: (_name, errno) => err("SIOCIFCREATE", errno),
};

export const IFCONFIG_WORDS: Readonly<Record<SystemName, IfconfigWords>> = {
  "FreeBSD": FREEBSD,
  "OpenBSD": OPENBSD,
  "NetBSD": NETBSD,
  "DragonFly BSD": DRAGONFLY,
};
