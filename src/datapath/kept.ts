/** What a relay has open that can outlive it, with whoever starts the next one. */
export type Kind = "udp" | "tun";

/** Descriptors of each kind, in the order of the workers. */
export type Kept = Readonly<Record<Kind, readonly number[]>>;

/** What the relay before this one has left open. */
export interface Inherited {
  /** Those of a kind, once; from here on they are the caller's. */
  take(kind: Kind): readonly number[];
  /** Has whoever kept them let go of them, so that their port or name is free. */
  release(kind: Kind): void;
}

/**
 * Those of a kind, if they can be had as they are wanted; otherwise nobody has them any more.
 *
 * @param adopt gives undefined for what is not as it is wanted
 */
export function adopted<T>(
  inherited: Inherited | undefined,
  kind: Kind,
  close: (fd: number) => void,
  adopt: (descriptors: readonly number[]) => T | undefined,
): T | undefined {
  const descriptors = inherited?.take(kind) ?? [];
  if (descriptors.length === 0) return undefined;
  const result = adopt(descriptors);
  if (result !== undefined) return result;
  descriptors.forEach(close);
  inherited!.release(kind);
  return undefined;
}
