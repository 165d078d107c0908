/** Landlock: rights that a thread gives up for good, landlock(7). */

// <linux/landlock.h>
/** Of landlock_create_ruleset: no ruleset, but the version of what the kernel has. */
export const LANDLOCK_CREATE_RULESET_VERSION = 1;
export const LANDLOCK_RULE_PATH_BENEATH = 1;

// struct landlock_ruleset_attr, which has grown
export const LANDLOCK_RULESET_ATTR_HANDLED_ACCESS_FS_AT = 0;
/** Version 4, Linux 6.7. */
export const LANDLOCK_RULESET_ATTR_HANDLED_ACCESS_NET_AT = 8;
/** Version 6, Linux 6.12. */
export const LANDLOCK_RULESET_ATTR_SCOPED_AT = 16;
export const SIZEOF_LANDLOCK_RULESET_ATTR = 24;

/** struct landlock_path_beneath_attr, which is packed. */
export const SIZEOF_LANDLOCK_PATH_BENEATH_ATTR = 12;
export const LANDLOCK_PATH_BENEATH_ATTR_ALLOWED_ACCESS_AT = 0;
export const LANDLOCK_PATH_BENEATH_ATTR_PARENT_FD_AT = 8;

export const LANDLOCK_ACCESS_FS_EXECUTE = 0x0001;
export const LANDLOCK_ACCESS_FS_WRITE_FILE = 0x0002;
export const LANDLOCK_ACCESS_FS_READ_FILE = 0x0004;
export const LANDLOCK_ACCESS_FS_READ_DIR = 0x0008;
export const LANDLOCK_ACCESS_FS_REMOVE_FILE = 0x0020;
export const LANDLOCK_ACCESS_FS_MAKE_CHAR = 0x0040;
export const LANDLOCK_ACCESS_FS_MAKE_DIR = 0x0080;
export const LANDLOCK_ACCESS_FS_MAKE_REG = 0x0100;
export const LANDLOCK_ACCESS_FS_MAKE_SOCK = 0x0200;
export const LANDLOCK_ACCESS_FS_MAKE_FIFO = 0x0400;
export const LANDLOCK_ACCESS_FS_MAKE_BLOCK = 0x0800;
export const LANDLOCK_ACCESS_FS_MAKE_SYM = 0x1000;
/** Version 2, Linux 5.19. */
export const LANDLOCK_ACCESS_FS_REFER = 0x2000;
/** Version 3, Linux 6.2. */
export const LANDLOCK_ACCESS_FS_TRUNCATE = 0x4000;
/** Version 5, Linux 6.10; of devices. */
export const LANDLOCK_ACCESS_FS_IOCTL_DEV = 0x8000;
export const LANDLOCK_ACCESS_NET_BIND_TCP = 1;
export const LANDLOCK_ACCESS_NET_CONNECT_TCP = 2;
export const LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET = 1;
export const LANDLOCK_SCOPE_SIGNAL = 2;
