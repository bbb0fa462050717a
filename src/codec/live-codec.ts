import type { TokenCore } from '../core/index.js';
import { createCodec, type Codec } from './codec.js';

/** A codec whose registries change while it is in use: what a server shares among its parts. */
export interface LiveCodec extends Codec {
  /** From now on frames can be decoded with this registry; the highest id encodes. @throws as withRegistry */
  readonly add: (registry: Uint8Array) => void;

  /** No frame needs these registries any more. */
  readonly remove: (ids: Iterable<number>) => void;
}

export function createLiveCodec(core: TokenCore): LiveCodec {
  let current = createCodec(core);
  return {
    encode: (run) => current.encode(run),
    decode: (frame) => current.decode(frame),
    decodeWords: (frame) => current.decodeWords(frame),
    decodeMany: (frames, form) => current.decodeMany(frames, form),
    hashOf: (frame) => current.hashOf(frame),
    get registries() {
      return current.registries;
    },
    withRegistry: (bytes) => current.withRegistry(bytes),
    withoutRegistries: (ids) => current.withoutRegistries(ids),
    prepare: () => current.prepare(),
    snapshot: () => current,
    add: (registry) => (current = current.withRegistry(registry)),
    remove: (ids) => (current = current.withoutRegistries(ids)),
  };
}
