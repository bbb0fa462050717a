import type { TokenCore } from '../core/index.js';
import { limits, StowkenError, type TokenRun } from '../model/index.js';
import type { Registry } from './registry.js';

/**
 * Versions of frames; docs/formats/codec.md describes them. Every version stays readable for ever. 0x01:
 * canonical varints. 0x02: registry id (varint), one coded block. 0x03: registry id (varint), coded blocks,
 * each after its length (varint). 0x04: the tokens as le32. 0x80 to 0xff: as 0x02, with the registry's id in
 * the low seven bits.
 */
export const frameVersions = {
  varints: 0x01,
  block: 0x02,
  blocks: 0x03,
  le32: 0x04,
  shortBlock: 0x80,
} as const;

/**
 * Tokens from which a frame is le32 if varints are longer, as bytes of an image are: no registry helps there.
 */
const le32TokensMin = 64;

/** Id of the registry that is shipped with the program: no vault stores it. */
export const builtInRegistryId = 0;

export interface FrameHead {
  readonly kind: 'varints' | 'le32' | 'block' | 'blocks';
  /** 0 for a frame of varints or le32. */
  readonly registryId: number;
  /** Size of the head in bytes. */
  readonly length: number;
}

/** @throws StowkenError CORRUPT_SEGMENT for a version that no encoder wrote */
export function readHead(frame: Uint8Array): FrameHead {
  const version = frame[0];
  if (version === frameVersions.varints) return { kind: 'varints', registryId: 0, length: 1 };
  if (version === frameVersions.le32) return { kind: 'le32', registryId: 0, length: 1 };
  if (version === undefined) throw new StowkenError('CORRUPT_SEGMENT', 'an empty frame');
  if (version >= frameVersions.shortBlock) {
    return { kind: 'block', registryId: version - frameVersions.shortBlock, length: 1 };
  }
  if (version !== frameVersions.block && version !== frameVersions.blocks) {
    throw new StowkenError('CORRUPT_SEGMENT', `frame version ${version} is not known`);
  }
  const { value, end } = readVarint(frame, 1);
  return { kind: version === frameVersions.block ? 'block' : 'blocks', registryId: value, length: end };
}

/**
 * Returns the id of the vault's registry that the frame needs; undefined if it needs none or the built-in
 * one.
 * @throws StowkenError CORRUPT_SEGMENT
 */
export function frameRegistryId(frame: Uint8Array): number | undefined {
  const head = readHead(frame);
  // Frames without a registry name the built-in one.
  return head.registryId === builtInRegistryId ? undefined : head.registryId;
}

function writeVarintFrame(varints: Uint8Array): Uint8Array {
  const frame = new Uint8Array(1 + varints.length);
  frame[0] = frameVersions.varints;
  frame.set(varints, 1);
  return frame;
}

function writeLe32Frame(le32: Uint8Array): Uint8Array {
  const frame = new Uint8Array(1 + le32.length);
  frame[0] = frameVersions.le32;
  frame.set(le32, 1);
  return frame;
}

/** Writes a frame of one block, in the shortest form. */
function writeBlockFrame(registryId: number, block: Uint8Array): Uint8Array {
  if (registryId < 0x80) {
    const frame = new Uint8Array(1 + block.length);
    frame[0] = frameVersions.shortBlock + registryId;
    frame.set(block, 1);
    return frame;
  }
  const head = [frameVersions.block, ...varint(registryId)];
  const frame = new Uint8Array(head.length + block.length);
  frame.set(head);
  frame.set(block, head.length);
  return frame;
}

function writeBlocksFrame(registryId: number, blocks: readonly Uint8Array[]): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.from([frameVersions.blocks, ...varint(registryId)])];
  for (const block of blocks) parts.push(Uint8Array.from(varint(block.length)), block);
  return new Uint8Array(Buffer.concat(parts));
}

/** Yields the blocks of a 'blocks' frame. @throws StowkenError CORRUPT_SEGMENT */
export function* readBlocks(frame: Uint8Array, head: FrameHead): Generator<Uint8Array> {
  for (let at = head.length; at < frame.length;) {
    const { value, end } = readVarint(frame, at);
    at = end + value;
    if (at > frame.length) throw new StowkenError('CORRUPT_SEGMENT', 'a block of the frame is cut off');
    yield frame.subarray(end, at);
  }
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80);
  return [...bytes, rest];
}

/** Reads a canonical varint of at most 32 bits. */
function readVarint(bytes: Uint8Array, start: number): { value: number; end: number } {
  let value = 0;
  for (let at = start; at < start + 5; at++) {
    const byte = bytes[at];
    if (byte === undefined) break;
    value += (byte & 0x7f) * 2 ** (7 * (at - start));
    if (byte >= 0x80) continue;
    if (value > 0xffff_ffff || (byte === 0 && at > start)) break;
    return { value, end: at + 1 };
  }
  throw new StowkenError('CORRUPT_SEGMENT', 'a number in the frame is malformed');
}

/** Encodes the tokens with the registry, or as varints or le32 if that is smaller. */
export function encodeFrame(core: TokenCore, registry: Registry, run: TokenRun): Uint8Array {
  if (run.tokenCount >= le32TokensMin && run.varints.length > 4 * run.tokenCount)
    return writeLe32Frame(core.toLe32(run.varints));
  const coded = encodeWith(core, registry, run);
  return coded !== undefined && coded.length <= run.varints.length ? coded : writeVarintFrame(run.varints);
}

function encodeWith(core: TokenCore, registry: Registry, run: TokenRun): Uint8Array | undefined {
  if (run.tokenCount <= limits.codecBlockTokensMax) {
    const block = registry.encodeBlock(run.varints, run.tokenCount);
    return block && writeBlockFrame(registry.id, block);
  }
  const blocks: Uint8Array[] = [];
  let rest = run.varints;
  for (let left = run.tokenCount; left > 0; left -= limits.codecBlockTokensMax) {
    const tokens = Math.min(left, limits.codecBlockTokensMax);
    const length = core.byteOffset(rest, tokens);
    const block = registry.encodeBlock(rest.subarray(0, length), tokens);
    if (block === undefined) return undefined;
    blocks.push(block.slice());
    rest = rest.subarray(length);
  }
  return writeBlocksFrame(registry.id, blocks);
}
