const BLOCK_BYTES = 4096;

/** What a file of so many bytes takes on the disk; a folder takes as much as a file of one byte. */
export function inBlocks(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
}
