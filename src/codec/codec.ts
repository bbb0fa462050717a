import type { TokenCore } from '../core/index.js';
import { StowkenError, type SegmentHash, type TokenRun } from '../model/index.js';
import { builtInRegistry } from './built-in.js';
import { FrameDecoder } from './frame-decoder.js';
import { encodeFrame } from './frame-encoder.js';
import { builtInRegistryId } from './frame.js';
import { Registry, type TokenForm } from './registry.js';

/**
 * Between a segment's tokens and the bytes that are stored for them. Synchronous, for one thread.
 * What is passed in is never changed. Every result is the caller's own, but for `decode`, which may
 * return a view of the frame that it was given.
 */
export interface Codec {
  /** The smallest frame of those known: with the newest registry or else the built-in one, or varints. Deterministic. */
  readonly encode: (run: TokenRun) => Uint8Array;

  /** @throws StowkenError CORRUPT_SEGMENT for anything that no encoder wrote, or whose registry is not here */
  readonly decode: (frame: Uint8Array) => TokenRun;

  /** The tokens as 4-byte little-endian words. @throws StowkenError as decode */
  readonly decodeWords: (frame: Uint8Array) => Uint8Array;

  /**
   * The tokens of many frames in one form, faster than one by one where they are short; instead of what
   * does not decode the error that says why. The results share buffers with each other and with the frames.
   */
  readonly decodeMany: (frames: readonly Uint8Array[], form: TokenForm) => (Uint8Array | StowkenError)[];

  /** The name of the segment that the frame holds. @throws StowkenError as decode */
  readonly hashOf: (frame: Uint8Array) => SegmentHash;

  /** The vault's registries that frames can be decoded with, by rising id; the last one encodes. */
  readonly registries: readonly Registry[];

  /**
   * A codec that has this registry too, shared with this one; the highest id encodes.
   * @throws StowkenError CORRUPT_STORE when the bytes are damaged, STORE_VERSION when they are newer
   */
  readonly withRegistry: (bytes: Uint8Array) => Codec;

  /** A codec without these registries. */
  readonly withoutRegistries: (ids: Iterable<number>) => Codec;

  /** Loads what encodes now, so that the first segment does not wait for it. */
  readonly prepare: () => void;

  /** The codec as it is now: whatever registries are removed later, it decodes what it could. */
  readonly snapshot: () => Codec;
}

/** The registries are by rising id. */
export function createCodec(core: TokenCore, registries: readonly Registry[] = []): Codec {
  const byId = new Map(registries.map((registry) => [registry.id, registry]));
  const find = (id: number) => (id === builtInRegistryId ? builtInRegistry(core) : byId.get(id));
  const encoder = () => registries.at(-1) ?? builtInRegistry(core);
  const decoder = new FrameDecoder(core, find);
  const codec: Codec = {
    encode: (run) => encodeFrame(core, encoder(), run),
    decode: (frame) => decoder.decode(frame),
    decodeWords: (frame) => decoder.decodeWords(frame),
    decodeMany: (frames, form) => decoder.decodeMany(frames, form),
    hashOf: (frame) => decoder.hashOf(frame),
    registries,
    withRegistry: (bytes) => {
      const added = new Registry(core, bytes);
      if (added.id === builtInRegistryId) {
        throw new StowkenError(
          'CORRUPT_STORE',
          `registry ${added.id} comes with the program: no vault has one`,
        );
      }
      const all = [...registries.filter(({ id }) => id !== added.id), added];
      return createCodec(
        core,
        all.sort((a, b) => a.id - b.id),
      );
    },
    withoutRegistries: (ids) => {
      const gone = new Set(ids);
      return createCodec(
        core,
        registries.filter(({ id }) => !gone.has(id)),
      );
    },
    prepare: () => void encoder(),
    snapshot: () => codec,
  };
  return codec;
}
