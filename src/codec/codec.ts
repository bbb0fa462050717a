import type { TokenCore } from '../core/index.js';
import { isStowkenError, type SegmentHash, StowkenError, type TokenRun } from '../model/index.js';
import { builtInRegistry } from './built-in.js';
import { FrameDecoder } from './frame-decoder.js';
import { builtInRegistryId, encodeFrame } from './frame.js';
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
  readonly decodeLe32: (frame: Uint8Array) => Uint8Array;

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
    decodeLe32: (frame) => decoder.decodeLe32(frame),
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
    decodeLe32: (frame) => current.decodeLe32(frame),
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

/** What reading a frame gives; undefined where the frame is damaged. */
export function undefinedIfCorrupt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isStowkenError(error, 'CORRUPT_SEGMENT')) return undefined;
    throw error;
  }
}
