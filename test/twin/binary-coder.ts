// The adaptive binary range decoder of registries, in plain TypeScript.
export class BinaryReader {
  readonly #models = new Map<number, number>();
  #range = 0xffff_ffff;
  #code = 0;
  #at = 0;

  constructor(private readonly bytes: Uint8Array) {
    for (let i = 0; i < 4; i++) this.#shift();
  }

  get finished(): boolean {
    return this.#at === this.bytes.length;
  }

  #shift(): void {
    if (this.#at >= this.bytes.length) throw new Error('the registry is cut off');
    this.#code = ((this.#code << 8) | this.bytes[this.#at++]!) >>> 0;
  }

  #normalise(): void {
    if (this.#range >= 1 << 24) return;
    this.#range = (this.#range << 8) >>> 0;
    this.#shift();
  }

  bit(model: number): number {
    const probability = this.#models.get(model) ?? 1024;
    const bound = (this.#range >>> 11) * probability;
    const bit = this.#code < bound ? 0 : 1;
    if (bit === 0) {
      this.#range = bound;
      this.#models.set(model, probability + ((2048 - probability) >>> 5));
    } else {
      this.#code -= bound;
      this.#range -= bound;
      this.#models.set(model, probability - (probability >>> 5));
    }
    this.#normalise();
    return bit;
  }

  raw(bits: number): number {
    let value = 0;
    for (let i = 0; i < bits; i++) {
      this.#range >>>= 1;
      const bit = this.#code >= this.#range ? 1 : 0;
      if (bit === 1) this.#code -= this.#range;
      value = value * 2 + bit;
      this.#normalise();
    }
    return value;
  }

  tree(model: number, bits: number): number {
    let node = 1;
    for (let i = 0; i < bits; i++) node = node * 2 + this.bit(model + node);
    return node - 2 ** bits;
  }

  number(model: number): number {
    const length = this.tree(model, 5);
    if (length === 0) return 0;
    const second = this.bit(model + 32 + length);
    return (2 + second) * 2 ** (length - 1) + this.raw(length - 1) - 1;
  }
}
