import { Duplex } from 'node:stream';

/** One end of a pair: what is written to it is read at the other end. */
class End extends Duplex {
  peer: End | undefined;
  #taken: (() => void) | undefined;

  /** Passes bytes to the reader; `taken` is called when it has room for more. */
  receive(bytes: Buffer, taken: () => void): void {
    if (this.destroyed || this.push(bytes)) return taken();
    this.#taken = taken;
  }

  override _read(): void {
    const taken = this.#taken;
    this.#taken = undefined;
    taken?.();
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.peer!.receive(bytes, done);
  }

  override _final(done: () => void): void {
    this.peer!.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this._read();
    const { peer } = this;
    // The other end learns of it a turn later, as it would of a connection.
    if (peer && !peer.destroyed) setImmediate(() => peer.destroy());
    done(error);
  }
}

/** Returns the two ends of a connection within this process. Node 20.15 has none of its own. */
export function duplexPair(): [Duplex, Duplex] {
  const [one, other] = [new End(), new End()];
  one.peer = other;
  other.peer = one;
  return [one, other];
}
