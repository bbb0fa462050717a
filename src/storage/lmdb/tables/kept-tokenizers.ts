import { StowkenError } from '../../../model/index.js';
import type { KeptTokenizer } from '../../contract/change.js';
import type { Tables } from './environment.js';

type Table = Pick<Tables, 'tokenizers'>;

const HASH_BYTES = 32;

const keyOf = (name: string): Buffer => Buffer.from(name, 'utf8');

/** Returns the vocabulary that is kept under a name. */
export function readTokenizer({ tokenizers }: Table, name: string): KeptTokenizer | undefined {
  const value = tokenizers.get(keyOf(name));
  return value && decodeTokenizer(value);
}

/** Keeps a vocabulary. Runs in a write transaction. */
export function putTokenizer(
  { tokenizers }: Table,
  { name, sha256, packed }: KeptTokenizer & { readonly name: string },
): void {
  tokenizers.put(keyOf(name), Buffer.concat([Buffer.from(sha256, 'hex'), packed]));
}

/** @throws StowkenError CORRUPT_STORE */
export function decodeTokenizer(value: Uint8Array): KeptTokenizer {
  if (value.length <= HASH_BYTES) throw new StowkenError('CORRUPT_STORE', 'a vocabulary is cut off');
  const sha256 = Buffer.from(value.subarray(0, HASH_BYTES)).toString('hex');
  return { sha256, packed: value.subarray(HASH_BYTES) };
}
