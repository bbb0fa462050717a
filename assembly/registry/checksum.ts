// CRC-32 (zlib's), with a table that is computed bit by bit at the start.
import { reserve } from '../memory';

const table: usize = makeTable();

function makeTable(): usize {
  const start = reserve(1024);
  for (let i: u32 = 0; i < 256; i++) {
    let value = i;
    for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (0xedb8_8320 & (0 - (value & 1)));
    store<u32>(start + ((<usize>i) << 2), value);
  }
  return start;
}

export function checksum(from: usize, to: usize): u32 {
  let value: u32 = 0xffff_ffff;
  for (let at = from; at < to; at++) {
    value = (value >>> 8) ^ load<u32>(table + ((<usize>((value ^ load<u8>(at)) & 0xff)) << 2));
  }
  return ~value;
}
