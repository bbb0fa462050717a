/** Growing list of token ids. */
export class TokenSink {
  #tokens = new Uint32Array(256);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(token: number): void {
    if (this.#length === this.#tokens.length) this.#grow(1);
    this.#tokens[this.#length++] = token;
  }

  pushAll(tokens: readonly number[]): void {
    if (this.#length + tokens.length > this.#tokens.length) this.#grow(tokens.length);
    this.#tokens.set(tokens, this.#length);
    this.#length += tokens.length;
  }

  /** Returns all of them, in a buffer of their size. */
  tokens(): Uint32Array {
    return this.#tokens.slice(0, this.#length);
  }

  #grow(by: number): void {
    const grown = new Uint32Array(Math.max(2 * this.#tokens.length, this.#length + by));
    grown.set(this.#tokens);
    this.#tokens = grown;
  }
}
