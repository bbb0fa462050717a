import { createGunzip, createInflate, type Gunzip, type Inflate } from 'node:zlib';
import { StowkenError } from '../../model/index.js';
import { Gatherer, type GatheringSlabs } from './slabs.js';

/** Names of compressions in `grpc-encoding`. */
export const encodings = ['gzip', 'deflate'] as const;
export type Encoding = (typeof encodings)[number];

/** Value of `grpc-accept-encoding`. */
export const acceptedEncodings = ['identity', ...encodings].join(',');

const chunkSize = 64 * 1024;
/** Limit of the messages that are expanded at once. They use the thread pool of the file system. */
const atOnceMax = 2;

export interface Expansion {
  /** Size of the whole expanded message in bytes. */
  readonly size: number;
  /** The message; undefined if it is longer than keepMax. */
  readonly bytes: Buffer | undefined;
}

export interface ExpansionLimits {
  /** Size at which expansion stops and the message is refused. */
  readonly sizeMax: number;
  /** Size beyond which nothing is kept: only the size is determined. */
  readonly keepMax: number;
}

interface Job {
  readonly start: () => void;
}

/**
 * Expands compressed messages, a few at a time, in the order of their arrival. Invariants:
 * - No more than `keepMax` bytes and one chunk of a message are in memory.
 * - Not a byte is expanded beyond `sizeMax` and one chunk.
 */
export class Inflater {
  #running = 0;
  readonly #queue: Job[] = [];

  constructor(private readonly slabs: GatheringSlabs) {}

  /**
   * Calls back with the expansion or with a StowkenError, unless the returned function was called before. The
   * given bytes are not used afterwards.
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
  slabs: GatheringSlabs,
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
  stream.once('end', () => done({ size, bytes: kept?.finish().bytes }));
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
