import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

/**
 * Flips a bit of each copy of some bytes in a file that a process may have open, or mapped; returns what
 * flips them back.
 */
export function overwriteInPlace(file: string, needle: Buffer): () => void {
  const bytes = readFileSync(file);
  const places: number[] = [];
  for (let at = bytes.indexOf(needle); at !== -1; at = bytes.indexOf(needle, at + 1)) places.push(at);
  if (places.length === 0) throw new Error(`${file} does not have the bytes that are to be damaged`);
  const write = (change: (byte: number) => number): void => {
    const handle = openSync(file, 'r+');
    for (const at of places) writeSync(handle, Buffer.from([change(needle[2]!)]), 0, 1, at + 2);
    closeSync(handle);
  };
  write((byte) => byte ^ 0x10);
  return () => write((byte) => byte);
}
