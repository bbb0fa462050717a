import type { TokenCore } from '../core/index.js';
import { isStowkenError, type SegmentHash, StowkenError, type TokenRun } from '../model/index.js';
import { builtInRegistry } from './built-in.js';
import { FrameDecoder } from './frame-decoder.js';
import { builtInRegistryId, encodeFrame } from './frame.js';
import { Registry, type TokenForm } from './registry.js';

/**
 * Converts a segment's tokens to stored bytes and back. Synchronous, for one thread. Arguments are never
 * changed. Every result belongs to the caller, except that `decode` may return a view of the frame that it
 * was given.
 */
export interface Codec {
  /**
   * Encodes with the newest registry or else the built-in one, and as varints; returns the smaller frame.
   * Deterministic.
   */
  readonly encode: (run: TokenRun) => Uint8Array;

  /** @throws StowkenError CORRUPT_SEGMENT for bytes that no encoder wrote, or whose registry is not loaded */
  readonly decode: (frame: Uint8Array) => TokenRun;

  /**
   * Decodes to le32.
   * @throws StowkenError as decode
   */
  readonly decodeLe32: (frame: Uint8Array) => Uint8Array;

  /**
   * Decodes many frames to one form, faster than one by one if they are short. A frame that does not decode
   * gives its error. The results share buffers with each other and with the frames.
   */
  readonly decodeMany: (frames: readonly Uint8Array[], form: TokenForm) => (Uint8Array | StowkenError)[];

  /**
   * Returns the hash of the segment in the frame.
   * @throws StowkenError as decode
   */
  readonly hashOf: (frame: Uint8Array) => SegmentHash;

  /** Registries of the vault that frames can be decoded with, by rising id; the last one encodes. */
  readonly registries: readonly Registry[];

  /**
   * Returns a codec that also has this registry, shared with this one; the highest id encodes.
   * @throws StowkenError CORRUPT_STORE if the bytes are damaged, STORE_VERSION if their format is newer
   */
  readonly withRegistry: (bytes: Uint8Array) => Codec;

  /** Returns a codec without these registries. */
  readonly withoutRegistries: (ids: Iterable<number>) => Codec;

  /** Loads the encoding registry now, so that the first segment does not wait for it. */
  readonly prepare: () => void;

  /**
   * Returns the codec in its present state: even if registries are removed later, it can still decode with
   * them.
   */
  readonly snapshot: () => Codec;
}

/** Creates a codec. The registries are in the order of rising ids. */
export function createCodec(core: TokenCore, registries: readonly Registry[] = []): Codec {
  const byId = new Map(registries.map((registry) => [registry.id, registry]));
  const encoder = () => registries.at(-1) ?? builtInRegistry(core);
  const decoder = new FrameDecoder(core, (id) => byId.get(id));
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

/** A codec whose registries change while it is in use. A server shares it among its parts. */
export interface LiveCodec extends Codec {
  /**
   * Adds a registry to decode frames with; the highest id encodes.
   * @throws StowkenError as withRegistry
   */
  readonly add: (registry: Uint8Array) => void;

  /** Removes registries that no frame needs any more. */
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

/** Returns the result of `read`; undefined if the frame is damaged. */
export function undefinedIfCorruptFrame<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isStowkenError(error, 'CORRUPT_SEGMENT')) return undefined;
    throw error;
  }
}
