import { createGunzip, createInflate, type Gunzip, type Inflate } from 'node:zlib';
import { StowkenError } from '../../model/index.js';
import { Gatherer, type Slabs } from './slabs.js';

/** The encodings of a compressed message, as `grpc-encoding` names them. */
export const encodings = ['gzip', 'deflate'] as const;
export type Encoding = (typeof encodings)[number];

/** What `grpc-accept-encoding` says. */
export const acceptedEncodings = ['identity', ...encodings].join(',');

const chunkSize = 64 * 1024;
/** Messages that are expanded at once. The thread pool that does it is the file system's too. */
const atOnceMax = 2;

export interface Expansion {
  /** Bytes of the whole message when expanded. */
  readonly size: number;
  /** The message, unless it is longer than was to be kept. */
  readonly bytes: Buffer | undefined;
}

export interface ExpansionLimits {
  /** Expansion stops there, and the message is refused. */
  readonly sizeMax: number;
  /** Beyond this nothing is kept: only the size is found out. */
  readonly keepMax: number;
}

interface Job {
  readonly start: () => void;
}

/**
 * Expands compressed messages, a few at a time, the first come first. Invariants:
 * - No more than `keepMax` bytes and one chunk of a message are in memory.
 * - Not a byte is expanded beyond `sizeMax` and one chunk.
 */
export class Inflater {
  #running = 0;
  readonly #queue: Job[] = [];

  constructor(private readonly slabs: Slabs) {}

  /**
   * Calls back with the expansion or with a StowkenError, unless it was stopped before by the returned function.
   * The bytes given are not used afterwards.
   */
  expand(
    compressed: Buffer,
    encoding: Encoding,
    limits: ExpansionLimits,
    done: (result: Expansion | StowkenError) => void,
  ): () => void {
    let stream: Gunzip | Inflate | undefined;
    let settled = false;
    const settle = (): boolean => {
      if (settled) return false;
      settled = true;
      stream?.destroy();
      return true;
    };
    const job: Job = {
      start: () => {
        this.#running += 1;
        stream = expandTo(compressed, encoding, limits, this.slabs, (result) => {
          if (settle()) done(result);
        });
        stream.once('close', () => this.#next());
      },
    };
    if (this.#running < atOnceMax) job.start();
    else this.#queue.push(job);
    return () => {
      if (!settle()) return;
      const index = this.#queue.indexOf(job);
      if (index >= 0) this.#queue.splice(index, 1);
    };
  }

  #next(): void {
    this.#running -= 1;
    this.#queue.shift()?.start();
  }
}

function expandTo(
  compressed: Buffer,
  encoding: Encoding,
  { sizeMax, keepMax }: ExpansionLimits,
  slabs: Slabs,
  done: (result: Expansion | StowkenError) => void,
): Gunzip | Inflate {
  const stream = encoding === 'gzip' ? createGunzip({ chunkSize }) : createInflate({ chunkSize });
  let size = 0;
  let kept: Gatherer | undefined = new Gatherer(slabs, keepMax);
  const drop = (): void => {
    kept?.discard();
    kept = undefined;
  };
  stream.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > sizeMax) {
      done(tooLarge(sizeMax));
      return;
    }
    if (size > keepMax) drop();
    kept?.add(chunk);
  });
  stream.once('end', () => done({ size, bytes: kept?.finish() }));
  stream.once('error', () => {
    done(
      new StowkenError('MALFORMED_CALL', `a message of the request is not ${encoding}, as its headers say`),
    );
  });
  stream.once('close', drop);
  stream.end(compressed);
  return stream;
}

function tooLarge(limit: number): StowkenError {
  return new StowkenError(
    'REQUEST_TOO_LARGE',
    `a message of the request decompresses to more than ${limit} bytes, which is the limit`,
    { limit: String(limit) },
  );
}
