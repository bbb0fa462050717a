import { mkdir, open, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/**
 * Makes a folder, and those above it that are not there; the outermost that was made. Durable when the promise
 * resolves. One step after the other: Node's recursive mkdir never returns where a file system makes no folders (/proc).
 */
export async function makeFolder(folder: string): Promise<string | undefined> {
  const missing: string[] = [];
  for (let path = resolve(folder); !(await isThere(path)); path = dirname(path)) missing.push(path);
  let outermost: string | undefined;
  for (const path of missing.reverse()) {
    if (!(await make(path))) continue;
    outermost ??= path;
    await syncFolder(dirname(path));
  }
  return outermost;
}

async function isThere(path: string): Promise<boolean> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  if (found === undefined) return false;
  if (!found.isDirectory()) throw new Error(`${path} is a file, where a folder must be`);
  return true;
}

/** Resolves to whether this call made it: somebody else may have, meanwhile. */
async function make(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await isThere(path))) return false;
    const why = code === 'ENOENT' ? `${dirname(path)} takes no folders` : message;
    throw new Error(`the folder ${path} cannot be made: ${why}`, { cause: error });
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
