// An adaptive binary range coder, after LZMA's; registries are written with it. A model is a u16 probability
// of a zero bit in 1/2048. Models are numbered, in one array.
import { reserve } from './memory';

const PROBABILITY_BITS: u32 = 11;
const ADAPTATION: u32 = 5;
const RANGE_MIN: u32 = 1 << 24;

/** Models of a number: 32 for its bit length as a tree, 32 for its second bit. */
export const NUMBER_MODELS: i32 = 64;

let models: usize = 0;

let low: u64 = 0;
let range: u32 = 0;
let code: u32 = 0;
let cache: u32 = 0;
let pending: u32 = 0;
let started: bool = false;
let at: usize = 0;
let end: usize = 0;
/** True after a read past the end, or a write that does not fit. */
export let exhausted: bool = false;

/** Resets all models to even odds. Returns false if there is no memory. */
export function resetModels(count: i32): bool {
  models = reserve((<usize>count) << 1);
  if (models == 0) return false;
  for (let i = 0; i < count; i++) store<u16>(models + ((<usize>i) << 1), 1 << 10);
  return true;
}

export function startReading(from: usize, to: usize): void {
  at = from;
  end = to;
  range = 0xffff_ffff;
  code = 0;
  exhausted = false;
  for (let i = 0; i < 4; i++) code = (code << 8) | nextByte();
}

/** True if everything was read and nothing is left. */
export function finishedReading(): bool {
  return !exhausted && at == end;
}

function nextByte(): u32 {
  if (at >= end) {
    exhausted = true;
    return 0;
  }
  return load<u8>(at++);
}

export function readBit(model: i32): u32 {
  const address = models + ((<usize>model) << 1);
  const probability = <u32>load<u16>(address);
  const bound = (range >>> PROBABILITY_BITS) * probability;
  let bit: u32 = 0;
  if (code < bound) {
    range = bound;
    store<u16>(address, probability + (((1 << PROBABILITY_BITS) - probability) >>> ADAPTATION));
  } else {
    code -= bound;
    range -= bound;
    store<u16>(address, probability - (probability >>> ADAPTATION));
    bit = 1;
  }
  if (range < RANGE_MIN) {
    range <<= 8;
    code = (code << 8) | nextByte();
  }
  return bit;
}

/** Reads `bits` bits, all with even odds. */
export function readRaw(bits: u32): u32 {
  let value: u32 = 0;
  for (let i: u32 = 0; i < bits; i++) {
    range >>>= 1;
    const bit = <u32>(code >= range);
    code -= range & (0 - bit);
    value = (value << 1) | bit;
    if (range < RANGE_MIN) {
      range <<= 8;
      code = (code << 8) | nextByte();
    }
  }
  return value;
}

/** Reads a value of `bits` bits, with 2^bits models from `model`. */
export function readTree(model: i32, bits: u32): u32 {
  let node: u32 = 1;
  for (let i: u32 = 0; i < bits; i++) node = (node << 1) | readBit(model + <i32>node);
  return node - (1 << bits);
}

/** Reads a number from 0 to 2^31 - 2: its bit length, its second bit, then raw bits. */
export function readNumber(model: i32): u32 {
  const length = readTree(model, 5);
  if (length == 0) return 0;
  const second = readBit(model + 32 + <i32>length);
  return (((2 | second) << (length - 1)) | readRaw(length - 1)) - 1;
}

export function startWriting(to: usize, bytesMax: usize): void {
  at = to;
  end = to + bytesMax;
  low = 0;
  range = 0xffff_ffff;
  cache = 0;
  pending = 0;
  started = false;
  exhausted = false;
}

/** Ends the stream; returns its end. The first byte of an LZMA stream, always 0, is left out. */
export function finishWriting(): usize {
  for (let i = 0; i < 5; i++) shiftLow();
  return at;
}

function put(byte: u32): void {
  if (at >= end) exhausted = true;
  else store<u8>(at++, byte);
}

function shiftLow(): void {
  if (low < 0xff00_0000 || low > 0xffff_ffff) {
    const carry = <u32>(low >>> 32);
    if (started) put(cache + carry);
    started = true;
    for (; pending > 0; pending--) put(0xff + carry);
    cache = (<u32>(low >>> 24)) & 0xff;
  } else {
    pending++;
  }
  low = (low & 0x00ff_ffff) << 8;
}

export function writeBit(model: i32, bit: u32): void {
  const address = models + ((<usize>model) << 1);
  const probability = <u32>load<u16>(address);
  const bound = (range >>> PROBABILITY_BITS) * probability;
  if (bit == 0) {
    range = bound;
    store<u16>(address, probability + (((1 << PROBABILITY_BITS) - probability) >>> ADAPTATION));
  } else {
    low += bound;
    range -= bound;
    store<u16>(address, probability - (probability >>> ADAPTATION));
  }
  if (range < RANGE_MIN) {
    range <<= 8;
    shiftLow();
  }
}

export function writeRaw(value: u32, bits: u32): void {
  for (let i = <i32>bits - 1; i >= 0; i--) {
    range >>>= 1;
    if ((value >>> i) & 1) low += range;
    if (range < RANGE_MIN) {
      range <<= 8;
      shiftLow();
    }
  }
}

export function writeTree(model: i32, bits: u32, value: u32): void {
  let node: u32 = 1;
  for (let i = <i32>bits - 1; i >= 0; i--) {
    const bit = (value >>> i) & 1;
    writeBit(model + <i32>node, bit);
    node = (node << 1) | bit;
  }
}

export function writeNumber(model: i32, value: u32): void {
  const plus = value + 1;
  const length = 31 - clz(plus);
  writeTree(model, 5, length);
  if (length == 0) return;
  writeBit(model + 32 + <i32>length, (plus >>> (length - 1)) & 1);
  writeRaw(plus & ((1 << (length - 1)) - 1), length - 1);
}
