import { open } from 'node:fs/promises';

/** Yields the lines of a file, the last one first. A file that does not exist has none. */
export async function* linesBackward(
  path: string,
  chunkBytes = 64 * 1024,
): AsyncGenerator<string, void, void> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (file === undefined) return;
  try {
    let rest = Buffer.alloc(0);
    for (let end = (await file.stat()).size; end > 0;) {
      const length = Math.min(chunkBytes, end);
      const chunk = Buffer.alloc(length);
      const { bytesRead } = await file.read(chunk, 0, length, end - length);
      end -= length;
      rest = Buffer.concat([chunk.subarray(0, bytesRead), rest]);
      // The line before the first line feed begins in the chunk before.
      const first = end === 0 ? 0 : rest.indexOf(10) + 1;
      if (first === 0 && end > 0) continue;
      const lines = rest.subarray(first).toString('utf8').split('\n').reverse();
      rest = rest.subarray(0, first);
      for (const line of lines) if (line !== '') yield line;
    }
  } finally {
    await file.close();
  }
}
