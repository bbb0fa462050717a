// Text to tokens, a window of the text at a time.
import { mergeByHeap } from './merge-heap';
import { mergeByScan, SCAN_MAX } from './merge-scan';
import { beginPieces, pieceEnd, seen } from './patterns';
import { release, reserve } from '../memory';
import { keep, KEPT_BYTES, writeKept } from './pieces';
import { byCharacters, bytesOf, NONE, ROOM, sizeOf, tokenOf, tokenOfByte } from './vocabulary';

/** Bytes by which a pattern looks on behind what it has seen: a code point, a contraction. */
const LOOK: usize = 16;

/** Tokens that are written behind those of a text. */
const TAIL: usize = 4;

/** Refusals of encodeWindow(). */
export const NEEDS_MORE: i32 = -1;
export const NO_MEMORY: i32 = -2;

/** Text in UTF-8, valid, and its tokens: u32 each. */
export let input: usize = 0;
export let output: usize = 0;
/** Bytes of input that became tokens, by encodeWindow(). */
export let taken: u32 = 0;
/** Bytes of the longest piece among them. */
export let longestPiece: u32 = 0;

/** Makes room for a window of this many bytes; it is the last reservation. False: no memory. */
export function reserveWindow(start: usize, bytes: u32): bool {
  release(start);
  input = reserve(<usize>bytes + ROOM);
  output = reserve((<usize>bytes + TAIL) << 2);
  return input != 0 && output != 0;
}

/**
 * Encodes input[0, length), up to the last piece that text behind the window cannot change; to the end if the
 * text ends there. Returns the number of tokens; NEEDS_MORE if it is 0 for want of text.
 */
export function encodeWindow(length: u32, isEnd: bool): i32 {
  const end = input + length;
  let at = input;
  let out = output;
  longestPiece = 0;
  beginPieces();
  while (at < end) {
    const to = pieceEnd(at, end);
    if (!isEnd && seen + LOOK > end) break;
    const size = <u32>(to - at);
    if (size > longestPiece) longestPiece = size;
    out = encodePiece(at, size, out);
    if (out == 0) return NO_MEMORY;
    at = to;
  }
  taken = <u32>(at - input);
  if (at == input && length > 0) return NEEDS_MORE;
  return <i32>((out - output) >>> 2);
}

/** True if merges alone make this token of its bytes. The window must have room for them. */
export function isMade(id: u32): bool {
  const length = sizeOf(id);
  memory.copy(input, bytesOf(id), length);
  const out = length <= SCAN_MAX ? mergeByScan(input, length, output) : mergeByHeap(input, length, output);
  return out == output + 4 && load<u32>(output) == id;
}

function encodePiece(at: usize, length: u32, out: usize): usize {
  if (length > KEPT_BYTES) return encodeOther(at, length, out);
  const kept = writeKept(at, length, out);
  if (kept != 0) return kept;
  const end = encodeOther(at, length, out);
  keep(out, end);
  return end;
}

function encodeOther(at: usize, length: u32, out: usize): usize {
  const token = length == 1 && !byCharacters ? tokenOfByte(load<u8>(at)) : tokenOf(at, length);
  if (token != NONE) {
    store<u32>(out, token);
    return out + 4;
  }
  return length <= SCAN_MAX ? mergeByScan(at, length, out) : mergeByHeap(at, length, out);
}
