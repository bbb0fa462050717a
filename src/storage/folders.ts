import { mkdir, open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** Makes a folder, and those above it that are not there; the outermost that was made. Durable when the promise resolves. */
export async function makeFolder(folder: string): Promise<string | undefined> {
  const innermost = resolve(folder);
  const outermost = await mkdir(innermost, { recursive: true });
  if (outermost === undefined) return undefined;
  for (let made = innermost; ; made = dirname(made)) {
    await syncFolder(dirname(made));
    if (made === outermost) return outermost;
  }
}

/** Makes the names in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
