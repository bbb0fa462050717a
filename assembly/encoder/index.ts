// Encodes words to a frame's coded part.
import { reserve } from '../memory';
import * as rans from '../rans';
import { pushAll } from './events';
import { parse, parsed, parsedEnd } from './parse';
import { NO_MEMORY, unpackSegment } from './segment';

export { parse, parsed, parsedEnd } from './parse';
export { beginEncode, beginLe32, setEncoderFloor } from './segment';

/** Result if the coded part would be longer than the varints. */
export const TOO_LONG: i32 = -3;

let coded: usize = 0;

/** Returns the address of the coded part that encode() wrote. */
export function encoded(): usize {
  return coded;
}

/**
 * Codes a segment of `tokens` varints in `bytes` bytes, to no more bytes. Returns their number, or the reason
 * why not.
 */
export function encode(bytes: i32, tokens: i32): i32 {
  const refusal = unpackSegment(bytes, tokens);
  return refusal != 0 ? refusal : encodeLe32(bytes);
}

/** Codes the segment in `words` to at most `bytesMax` bytes. Returns their number, or the reason why not. */
export function encodeLe32(bytesMax: i32): i32 {
  if (!parse()) return NO_MEMORY;
  const eventsMax = <usize>((parsedEnd - parsed) >>> 2) * 5 + 8;
  const events = reserve(eventsMax * rans.EVENT_BYTES);
  const end = reserve(<usize>bytesMax + 16) + <usize>bytesMax;
  if (events == 0 || end == <usize>bytesMax) return NO_MEMORY;
  rans.startEvents(events, events + eventsMax * rans.EVENT_BYTES);
  pushAll();
  coded = rans.writeEvents(end - <usize>bytesMax, end);
  return coded == 0 ? TOO_LONG : <i32>(end - coded);
}
