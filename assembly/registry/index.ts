// A registry in its instance: its bytes are put behind everything else, loaded, and stay.
import { prepareCosts } from '../costs';
import { setWorkFloor } from '../decoder/index';
import { setEncoderFloor } from '../encoder/index';
import { leave, reserve } from '../memory';
import { preparePhrases } from '../phrases';
import { prepareText, turnOff } from '../text-matches';
import { loadRegistry, NO_MEMORY } from './loader';

let bytes: usize = 0;

/** Reserves room for the registry's bytes; 0 if there is none. Once in the life of an instance. */
export function beginLoad(length: i32): usize {
  bytes = reserve(<usize>length);
  return bytes;
}

/** Loads those bytes. Returns 0 or negative if malformed or without memory. */
export function loadBytes(length: i32): i32 {
  const result = loadRegistry(bytes, bytes + <usize>length);
  leave(bytes, bytes + <usize>length);
  setWorkFloor();
  return result;
}

/** Prepares the tables that only encoding needs. Returns 0 or negative if there is no memory. */
export function prepareEncoder(): i32 {
  if (!prepareCosts() || !preparePhrases() || !prepareText()) return NO_MEMORY;
  turnOff(false);
  setWorkFloor();
  setEncoderFloor();
  return 0;
}
