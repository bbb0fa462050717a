import { existsSync } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { standardInput } from '../../jsonl/read-lines.js';

/**
 * Returns the files that names stand for, each once: a folder stands for all files in it and in its folders,
 * a pattern with *, ? and ** for the files that it matches, any other name for itself. Hidden files are left
 * out.
 */
export async function filesOf(names: readonly string[]): Promise<string[]> {
  const byPath = new Map<string, string>();
  for (const file of await filesNamed(names)) {
    // A file that is not there has no other path.
    const path = file === standardInput ? file : await realpath(file).catch(() => file);
    if (!byPath.has(path)) byPath.set(path, file);
  }
  return [...byPath.values()];
}

async function filesNamed(names: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const name of names) {
    if (name === standardInput) files.push(name);
    else if (existsSync(name)) files.push(...((await isFolder(name)) ? await filesIn(name) : [name]));
    else if (/[*?[]/.test(name)) files.push(...(await matching(name)));
    else files.push(name); // Reading it reports that there is no such file.
  }
  return files;
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

async function filesIn(folder: string): Promise<string[]> {
  const files: string[] = [];
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => undefined);
  // Reading it as a file reports why it cannot be read.
  if (entries === undefined) return [folder];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.name.startsWith('.')) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) files.push(...(await filesIn(path)));
    else if (entry.isFile() || entry.isSymbolicLink()) files.push(path);
  }
  return files;
}

async function matching(pattern: string): Promise<string[]> {
  const plain = pattern.slice(0, pattern.search(/[*?[]/));
  const folder = plain.slice(0, plain.lastIndexOf('/') + 1);
  const start = folder === '' ? '.' : folder;
  if (!(await isFolder(start))) return [pattern];
  const matches = expressionOf(folder === '' ? join('.', pattern) : join(pattern));
  const found = (await filesIn(start)).filter((file) => matches.test(join(file)));
  return found.length > 0 ? found : [pattern];
}

/** Returns the expression of a pattern. */
function expressionOf(pattern: string): RegExp {
  const source = pattern.replace(/\*\*\/|\*\*|\*|\?|\[[^\]]*\]|[.+^${}()|\\\]]/g, (part) => {
    if (part === '**/') return '(?:.*/)?';
    if (part === '**') return '.*';
    if (part === '*') return '[^/]*';
    if (part === '?') return '[^/]';
    return part.startsWith('[') ? part : `\\${part}`;
  });
  return new RegExp(`^${source}$`, 'u');
}
