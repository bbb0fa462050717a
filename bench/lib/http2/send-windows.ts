import {
  encodeFrame,
  FRAME_BYTES_MAX,
  frameFlag,
  frameType,
  INITIAL_WINDOW_BYTES,
  setting,
} from './frames.js';

/** Rest of a request to send. */
interface Unsent {
  readonly stream: number;
  bytes: Buffer;
  window: number;
}

/** Sends requests as far as the server's windows allow: each stream has one, and so has the connection. */
export class SendWindows {
  readonly #unsent = new Map<number, Unsent>();
  #window = INITIAL_WINDOW_BYTES;
  #initialWindow = INITIAL_WINDOW_BYTES;
  #frameBytesMax = FRAME_BYTES_MAX;

  constructor(private readonly write: (frame: Buffer) => void) {}

  /** Sends all data of a stream and ends it. */
  send(stream: number, bytes: Buffer): void {
    const unsent = { stream, bytes, window: this.#initialWindow };
    this.#unsent.set(stream, unsent);
    this.#push(unsent);
  }

  /** Drops the rest of a stream that accepts no more. */
  forget(stream: number): void {
    this.#unsent.delete(stream);
  }

  follow(settings: ReadonlyMap<number, number>): void {
    this.#frameBytesMax = settings.get(setting.frameBytesMax) ?? this.#frameBytesMax;
    const window = settings.get(setting.initialWindowBytes) ?? this.#initialWindow;
    for (const unsent of this.#unsent.values()) unsent.window += window - this.#initialWindow;
    this.#initialWindow = window;
    this.#pushAll();
  }

  /** `stream` 0 is the connection. */
  widen(stream: number, bytes: number): void {
    const unsent = this.#unsent.get(stream);
    if (stream === 0) this.#window += bytes;
    else if (unsent) unsent.window += bytes;
    this.#pushAll();
  }

  #pushAll(): void {
    for (const unsent of this.#unsent.values()) this.#push(unsent);
  }

  #push(unsent: Unsent): void {
    while (unsent.bytes.length > 0) {
      const room = Math.min(this.#frameBytesMax, this.#window, unsent.window);
      if (room <= 0) return;
      const part = unsent.bytes.subarray(0, room);
      unsent.bytes = unsent.bytes.subarray(part.length);
      unsent.window -= part.length;
      this.#window -= part.length;
      const flags = unsent.bytes.length === 0 ? frameFlag.endStream : 0;
      this.write(encodeFrame(frameType.data, flags, unsent.stream, part));
    }
    this.#unsent.delete(unsent.stream);
  }
}
