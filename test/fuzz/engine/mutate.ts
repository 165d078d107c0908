import type { Prng } from "#test/sim/prng.ts";
import type { Target } from "./target.ts";

/** Values at which programs change their minds. */
const EDGES = [0, 1, 2, 3, 4, 6, 7, 8, 15, 16, 31, 32, 39, 40, 58, 59, 63, 64, 127, 128, 254, 255];
const EDGES16 = [0, 1, 0x00ff, 0x0100, 0x7fff, 0x8000, 0xfffe, 0xffff, 40, 1_280, 1_281, 3_544];

/**
 * Makes inputs out of inputs, in memory of its own: of a list of events it takes, doubles, moves and
 * mixes whole events, and changes bytes of all of them.
 */
export class Mutator {
  readonly #target: Target;
  readonly #random: Prng;
  readonly #bytes: Uint8Array;
  readonly #spare: Uint8Array;
  #length = 0;

  constructor(target: Target, random: Prng) {
    this.#target = target;
    this.#random = random;
    this.#bytes = new Uint8Array(target.most);
    this.#spare = new Uint8Array(target.most);
  }

  /** A view that holds until the next call. @param other of which parts are taken */
  next(input: Uint8Array, other: Uint8Array): Uint8Array {
    const random = this.#random;
    const { mutate, most } = this.#target;
    if (mutate !== undefined && random.below(4) > 0) {
      let made = mutate(input, random);
      while (random.below(2) === 0) made = mutate(made, random);
      return made.subarray(0, most);
    }
    this.#length = Math.min(input.length, most);
    this.#bytes.set(input.subarray(0, this.#length));
    let times = 1;
    while (times < 16 && random.below(2) === 0) times++;
    for (let i = 0; i < times; i++) this.#change(other);
    return this.#bytes.subarray(0, this.#length);
  }

  #change(other: Uint8Array): void {
    const random = this.#random;
    const b = this.#bytes;
    const { words } = this.#target;
    const kind = random.below(16);
    if (this.#length === 0 || kind === 0) return this.#grow();
    const at = random.below(this.#length);
    switch (kind) {
      case 1:
      case 2:
        b[at] = random.below(256);
        return;
      case 3:
        b[at]! ^= 1 << random.below(8);
        return;
      case 4:
        b[at] = random.pick(EDGES);
        return;
      case 5:
        b[at]! += random.below(9) - 4;
        return;
      case 6: {
        const value = random.pick(EDGES16);
        b[at] = value >> 8;
        if (at + 1 < this.#length) b[at + 1] = value;
        return;
      }
      case 7:
        return this.#cut();
      case 8:
        return this.#insert(b.slice(...this.#units(this.#length)), this.#place());
      case 9:
        return this.#insert(other.slice(...this.#units(other.length)), this.#place());
      case 10:
        return this.#overwrite(other.subarray(...this.#units(other.length)));
      case 11:
        return this.#overwrite(b.slice(...this.#units(this.#length)));
      case 12:
        return this.#crossWith(other);
      case 13:
        if (words !== undefined) return this.#insert(random.pick(words), at);
        b[at] = random.below(256);
        return;
      case 14:
        if (words !== undefined) return this.#put(random.pick(words), at);
        b[at]! ^= 0xff;
        return;
      default:
        return this.#swap();
    }
  }

  /** Where an event begins. */
  #place(): number {
    const { unit } = this.#target;
    return unit * this.#random.below(Math.floor(this.#length / unit) + 1);
  }

  /** Some events in `length` bytes: from, to. Mostly few. */
  #units(length: number): [number, number] {
    const { unit } = this.#target;
    const all = Math.floor(length / unit);
    if (all === 0) return [0, length];
    const from = this.#random.below(all);
    const most = this.#random.below(4) === 0 ? all - from : Math.min(all - from, 4);
    return [unit * from, unit * (from + 1 + this.#random.below(most))];
  }

  #grow(): void {
    const { unit } = this.#target;
    const fresh = new Uint8Array(unit * (1 + this.#random.below(4)));
    for (let i = 0; i < fresh.length; i++) fresh[i] = this.#random.below(256);
    this.#insert(fresh, this.#place());
  }

  #insert(part: Uint8Array, at: number): void {
    const room = this.#bytes.length - this.#length;
    const length = Math.min(part.length, room);
    this.#bytes.copyWithin(at + length, at, this.#length);
    this.#bytes.set(part.subarray(0, length), at);
    this.#length += length;
  }

  #cut(): void {
    const [from, to] = this.#units(this.#length);
    this.#bytes.copyWithin(from, to, this.#length);
    this.#length -= to - from;
  }

  #overwrite(part: Uint8Array): void {
    this.#put(part, Math.min(this.#place(), Math.max(0, this.#length - 1)));
  }

  #put(part: Uint8Array, at: number): void {
    this.#bytes.set(part.subarray(0, Math.max(0, this.#length - at)), at);
  }

  /** This one's beginning, and the other's end. */
  #crossWith(other: Uint8Array): void {
    const at = this.#place();
    const { unit } = this.#target;
    const from = unit * this.#random.below(Math.floor(other.length / unit) + 1);
    const tail = other.subarray(from, from + this.#bytes.length - at);
    this.#bytes.set(tail, at);
    this.#length = at + tail.length;
  }

  #swap(): void {
    const { unit } = this.#target;
    const all = Math.floor(this.#length / unit);
    if (all < 2) return;
    const [one, two] = [unit * this.#random.below(all), unit * this.#random.below(all)];
    const spare = this.#spare;
    for (let i = 0; i < unit; i++) spare[i] = this.#bytes[one + i]!;
    this.#bytes.copyWithin(one, two, two + unit);
    for (let i = 0; i < unit; i++) this.#bytes[two + i] = spare[i]!;
  }
}
