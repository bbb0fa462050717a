import { createHash } from 'node:crypto';
import { StowkenError } from '../../../model/index.js';

const SEAL = /,"checksum":"([0-9a-f]{64})"\}\n$/;

/** A record as a line of JSON whose last field is the SHA-256 of the same JSON without that field. */
export function sealJson(record: Readonly<Record<string, unknown>>): Uint8Array {
  const text = JSON.stringify(record);
  return Buffer.from(`${text.slice(0, -1)},"checksum":"${checksum(text)}"}\n`, 'utf8');
}

/** @throws StowkenError CORRUPT_STORE when a byte of it is not as it was written */
export function openJson(bytes: Uint8Array): unknown {
  const sealed = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
  const seal = SEAL.exec(sealed);
  if (!seal) throw new StowkenError('CORRUPT_STORE', 'it has no checksum at its end');
  const text = `${sealed.slice(0, seal.index)}}`;
  if (checksum(text) !== seal[1]) throw new StowkenError('CORRUPT_STORE', 'it does not have its checksum');
  return JSON.parse(text);
}

function checksum(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}
