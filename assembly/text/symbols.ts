// Tokens that merges begin with: those of bytes, or of characters.
import { byCharacters, NONE, tokenOf, tokenOfByte } from './vocabulary';

/** Writes the tokens that `length` bytes begin with at `out`, u32 each. Returns their number. */
export function symbolsOf(at: usize, length: u32, out: usize): u32 {
  const end = at + length;
  let to = out;
  while (at < end) {
    const size = byCharacters ? sizeOfCharacter(load<u8>(at)) : 1;
    const token = byCharacters ? tokenOf(at, size) : NONE;
    if (token != NONE) {
      store<u32>(to, token);
      to += 4;
    } else {
      for (let i: u32 = 0; i < size; i++, to += 4) store<u32>(to, tokenOfByte(load<u8>(at + i)));
    }
    at += size;
  }
  return <u32>((to - out) >>> 2);
}

function sizeOfCharacter(lead: u32): u32 {
  if (lead < 0x80) return 1;
  return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}
