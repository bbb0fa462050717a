/** Frames of HTTP/2, RFC 9113, as far as a gRPC client needs them. */
export const frameType = {
  data: 0,
  headers: 1,
  resetStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const frameFlag = { ack: 0x01, endStream: 0x01, endHeaders: 0x04, padded: 0x08 } as const;

export const setting = { headerTableBytes: 1, initialWindowBytes: 4, frameBytesMax: 5 } as const;

/** Limit of a frame's payload, and size of a window, before settings change them. */
export const FRAME_BYTES_MAX = 16_384;
export const INITIAL_WINDOW_BYTES = 65_535;

const HEAD_BYTES = 9;
const SETTING_BYTES = 6;
const STREAM_MASK = 0x7fff_ffff;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  /** 0: the connection. */
  readonly stream: number;
  /** Valid until the next frame. */
  readonly payload: Buffer;
}

/** Returns the payload without padding. */
export function contentOf({ flags, payload }: Frame): Buffer {
  return flags & frameFlag.padded ? payload.subarray(1, payload.length - payload[0]!) : payload;
}

export function encodeFrame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(HEAD_BYTES + payload.length);
  frame.writeUIntBE(payload.length, 0, 3);
  frame[3] = type;
  frame[4] = flags;
  frame.writeUInt32BE(stream, 5);
  frame.set(payload, HEAD_BYTES);
  return frame;
}

export function encodeWindowUpdate(stream: number, bytes: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes);
  return encodeFrame(frameType.windowUpdate, 0, stream, payload);
}

export function encodeSettings(settings: ReadonlyMap<number, number>): Buffer {
  const payload = Buffer.alloc(SETTING_BYTES * settings.size);
  let at = 0;
  for (const [id, value] of settings) {
    at = payload.writeUInt16BE(id, at);
    at = payload.writeUInt32BE(value, at);
  }
  return encodeFrame(frameType.settings, 0, 0, payload);
}

export function decodeSettings(payload: Buffer): Map<number, number> {
  const settings = new Map<number, number>();
  for (let at = 0; at < payload.length; at += SETTING_BYTES)
    settings.set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
  return settings;
}

/** Splits arriving data, in whatever pieces, into frames. Copies only those in several pieces. */
export class FrameReader {
  /** Beginning of an incomplete frame. */
  readonly #held = Buffer.alloc(HEAD_BYTES + FRAME_BYTES_MAX);
  #heldBytes = 0;

  constructor(private readonly onFrame: (frame: Frame) => void) {}

  push(piece: Buffer): void {
    let at = 0;
    while (this.#heldBytes > 0 && at < piece.length) at += this.#hold(piece, at);
    while (piece.length - at >= HEAD_BYTES && at + frameBytes(piece, at) <= piece.length) {
      const end = at + frameBytes(piece, at);
      this.#give(piece.subarray(at, end));
      at = end;
    }
    if (at < piece.length) this.#heldBytes = piece.copy(this.#held, 0, at);
  }

  /** Completes the held frame; returns the number of bytes used. */
  #hold(piece: Buffer, at: number): number {
    const wanted = this.#heldBytes < HEAD_BYTES ? HEAD_BYTES : frameBytes(this.#held, 0);
    const taken = piece.copy(this.#held, this.#heldBytes, at, at + wanted - this.#heldBytes);
    this.#heldBytes += taken;
    if (this.#heldBytes >= HEAD_BYTES && this.#heldBytes === frameBytes(this.#held, 0)) {
      const frame = this.#held.subarray(0, this.#heldBytes);
      this.#heldBytes = 0;
      this.#give(frame);
    }
    return taken;
  }

  #give(frame: Buffer): void {
    const stream = frame.readUInt32BE(5) & STREAM_MASK;
    this.onFrame({ type: frame[3]!, flags: frame[4]!, stream, payload: frame.subarray(HEAD_BYTES) });
  }
}

/** Returns the size of the frame whose head is at this place, head included. */
function frameBytes(bytes: Buffer, at: number): number {
  const payloadBytes = bytes.readUIntBE(at, 3);
  if (payloadBytes > FRAME_BYTES_MAX) throw new Error(`a frame of ${payloadBytes} bytes`);
  return HEAD_BYTES + payloadBytes;
}
