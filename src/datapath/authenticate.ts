import { createHmac } from "node:crypto";
import type { Authenticate } from "#src/protocol/wire/authentication.ts";

/** Makes authentication values. RFC 4380 §5.2.2 */
export function authenticateBy(algorithm: "sha1" | "sha256"): Authenticate {
  return (key, message) => createHmac(algorithm, key).update(message).digest();
}
