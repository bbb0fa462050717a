/** Reads bytes of chunks in turn; what was read too far can be given back. */
export class ByteReader {
  readonly #source: AsyncIterator<Buffer>;
  #held = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Returns what comes next, in any length; undefined at the end. */
  async next(): Promise<Buffer | undefined> {
    if (this.#held.length > 0) {
      const held = this.#held;
      this.#held = Buffer.alloc(0);
      return held;
    }
    const next = await this.#source.next();
    return next.done === true ? undefined : next.value;
  }

  giveBack(bytes: Buffer): void {
    this.#held = Buffer.concat([bytes, this.#held]);
  }

  /** Returns so many bytes without taking them, or all that are left. */
  async peek(count: number): Promise<Buffer> {
    while (this.#held.length < count && (await this.#more()));
    return this.#held.subarray(0, count);
  }

  /** @throws Error if there are fewer bytes */
  async take(count: number): Promise<Buffer> {
    const bytes = await this.peek(count);
    if (bytes.length < count) throw new Error('unexpected end of file');
    this.#held = this.#held.subarray(count);
    return bytes;
  }

  /** Takes bytes up to the next zero, and it. @throws Error if there is none */
  async takeText(): Promise<void> {
    let end = this.#held.indexOf(0);
    while (end < 0) {
      if (!(await this.#more())) throw new Error('unexpected end of file');
      end = this.#held.indexOf(0);
    }
    this.#held = this.#held.subarray(end + 1);
  }

  async #more(): Promise<boolean> {
    const next = await this.#source.next();
    if (next.done === true) return false;
    this.#held = Buffer.concat([this.#held, next.value]);
    return true;
  }
}
