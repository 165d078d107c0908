import { type Layout, sockaddrHead } from "#ffi/layout.ts";
import {
  AF_INET,
  EINVAL,
  SIZEOF_SOCKADDR_IN,
  SIZEOF_SOCKADDR_IN6,
  SOCKADDR_IN6_ADDR_AT,
  SOCKADDR_IN6_FLOWINFO_AT,
  SOCKADDR_IN6_PORT_AT,
  SOCKADDR_IN6_SCOPE_ID_AT,
  SOCKADDR_IN_ADDR_AT,
  SOCKADDR_IN_PORT_AT,
} from "#ffi/posix.ts";
import { readU16, readU32, writeU16, writeU32 } from "#src/protocol/wire/bytes.ts";
import { Errno, unknown } from "./errno.ts";
import { dataViewOf } from "./memory.ts";
import type { Endpoint } from "./network.ts";

/** A `struct sockaddr_in`. @throws Errno EINVAL */
export function endpointOf(layout: Layout, name: Uint8Array<ArrayBuffer>): Endpoint {
  expect(layout, name, AF_INET, SIZEOF_SOCKADDR_IN);
  return {
    address: readU32(name, SOCKADDR_IN_ADDR_AT),
    port: readU16(name, SOCKADDR_IN_PORT_AT),
  };
}

export function nameOf(layout: Layout, { address, port }: Endpoint): Uint8Array<ArrayBuffer> {
  const name = new Uint8Array(SIZEOF_SOCKADDR_IN);
  const head = sockaddrHead(layout, AF_INET, SIZEOF_SOCKADDR_IN);
  dataViewOf(name).setUint16(0, head, true);
  writeU16(name, SOCKADDR_IN_PORT_AT, port);
  writeU32(name, SOCKADDR_IN_ADDR_AT, address);
  return name;
}

/** The address in a `struct sockaddr_in6` of which nothing else is set. @throws Errno EINVAL */
export function addressOf6(layout: Layout, name: Uint8Array<ArrayBuffer>): Uint8Array {
  expect(layout, name, layout.AF_INET6, SIZEOF_SOCKADDR_IN6);
  const view = dataViewOf(name);
  const rest = view.getUint16(SOCKADDR_IN6_PORT_AT) | view.getUint32(SOCKADDR_IN6_FLOWINFO_AT) |
    view.getUint32(SOCKADDR_IN6_SCOPE_ID_AT);
  if (rest !== 0) unknown("a sockaddr_in6 with a port, a flow or a scope");
  return name.slice(SOCKADDR_IN6_ADDR_AT, SOCKADDR_IN6_ADDR_AT + 16);
}

/** A head of another system's would be read as another family there. */
function expect(layout: Layout, name: Uint8Array<ArrayBuffer>, family: number, size: number) {
  if (name.length !== size) throw new Errno(EINVAL);
  const head = dataViewOf(name).getUint16(0, true);
  if (head !== sockaddrHead(layout, family, size)) {
    unknown(`a sockaddr of ${size} bytes that starts with 0x${head.toString(16)}`);
  }
}
