/**
 * How the BSDs make the number of an ioctl(2) request, <sys/ioccom.h>; one formula on FreeBSD,
 * OpenBSD, NetBSD and DragonFly BSD:
 *
 *     31   29 28              16 15         8 7          0
 *     [ dir ] [ sizeof argument ] [  group   ] [  number  ]
 *
 * The number is an unsigned long: it must reach libc zero-extended, so it is never negative here.
 */

/** The kernel writes the argument. */
const IOC_OUT = 0x4000_0000;
/** The kernel reads the argument. */
const IOC_IN = 0x8000_0000;
/** Of the length, behind the shift. */
const IOCPARM_MASK = 0x1fff;

/** A request that only reads into its argument of `length` bytes, such as TUNGIFNAME. */
export function _IOR(group: string, number: number, length: number): number {
  return request(IOC_OUT, group, number, length);
}

/** A request that only gives its argument of `length` bytes, such as TUNSIFHEAD. */
export function _IOW(group: string, number: number, length: number): number {
  return request(IOC_IN, group, number, length);
}

/** A request whose argument of `length` bytes goes both ways, such as SIOCGIFFLAGS. */
export function _IOWR(group: string, number: number, length: number): number {
  return request(IOC_IN | IOC_OUT, group, number, length);
}

function request(direction: number, group: string, number: number, length: number): number {
  const letter = group.charCodeAt(0);
  return (direction | (length & IOCPARM_MASK) << 16 | letter << 8 | number) >>> 0;
}
