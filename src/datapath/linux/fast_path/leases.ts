/**
 * What user space and the programs in the kernel share: two BPF arrays, mapped by every thread that
 * works on them, and a hash map that leads from a peer to its slot.
 *
 *     leases   HASH    16 bytes of Teredo address -> u32, number of a slot
 *     slots    ARRAY   SLOT bytes each: a lease, what the programs count and when they last did
 *     control  ARRAY   one entry of CONTROL bytes: what holds for all leases
 *
 * A lease says that packets of one peer may pass in the kernel, each direction up to a time of its
 * own. Only user space knows and trusts peers; the programs read a lease, refresh times and count.
 * Where there is none, where it has run out, or where anything is doubtful, a packet is left alone and
 * goes the slow way.
 *
 * Numbers are the machine's, which is little-endian here. Addresses and ports are bytes as on the
 * wire. Times are nanoseconds of CLOCK_MONOTONIC (the programs: its coarse reading), 64 bits each.
 * A time that opens something is stored last.
 */

/** Of a slot; two cache lines: the programs mostly read the first and write the second. */
export const SLOT = 128;
/** The mapping that datagrams come from and go to: IPv4 address (4), then port (2). */
export const SLOT_MAPPED_ADDRESS_AT = 0;
export const SLOT_MAPPED_PORT_AT = 4;
/** Our IPv4 address that datagrams come to and leave from. */
export const SLOT_LOCAL_ADDRESS_AT = 8;
/** Number of the interface by which datagrams to the peer leave; 0: none, only upwards. */
export const SLOT_INTERFACE_AT = 12;
/** Longest datagram, its IPv4 header included, that this interface takes. u32 */
export const SLOT_MTU_AT = 16;
/** IPv4 address, as on the wire, whose neighbour on that interface gets datagrams; 0: as routes say. */
export const SLOT_NEXT_HOP_AT = 20;
/** Up to when packets from the peer may pass, and from when on one has to come the slow way. */
export const SLOT_UP_UNTIL_AT = 24;
/** The same of packets to the peer. */
export const SLOT_DOWN_UNTIL_AT = 32;

/** When a packet from the peer last passed in the kernel; 0: never. */
export const SLOT_RECEIVED_AT = 64;
/** When one to the peer did. */
export const SLOT_SENT_AT = 72;
/** IPv6 packets that passed, and their bytes without the tunnel's headers: u64 each. */
export const SLOT_RECEIVED_PACKETS_AT = 80;
export const SLOT_RECEIVED_BYTES_AT = 88;
export const SLOT_SENT_PACKETS_AT = 96;
export const SLOT_SENT_BYTES_AT = 104;
/**
 * From when on one packet is to come the slow way, though the lease has not run out: it is how user
 * space sees that the host's filters still let the peer's packets pass, and renews. The program that
 * leaves one alone moves this by RENEW_AGAIN, so that others pass meanwhile.
 */
export const SLOT_UP_RENEW_AT = 112;
export const SLOT_DOWN_RENEW_AT = 120;

/** Of the control entry. */
export const CONTROL = 64;
/** Nothing passes from this time on. A thread that stops moving it closes all leases. */
export const CONTROL_ALIVE_UNTIL_AT = 0;
/** Number of the TUN interface, and its MTU. u32 each */
export const CONTROL_TUN_AT = 8;
export const CONTROL_TUN_MTU_AT = 12;

/** How long the slow way is waited for before the next packet is sent there. */
export const RENEW_AGAIN = 250_000_000;

/** Slot 0 is nobody's. */
export const NO_LEASE = 0;
