import { open, readFile, realpath, rename, stat, unlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMap, isSeq, parseDocument, type Document, YAMLSeq } from 'yaml';
import type { Grant } from '../identity.js';
import { parseTokenFile, type TokenFileEntries } from './entries.js';
import { hashToken, makeToken } from './tokens.js';

/** Mode of a token file: it has no tokens, but whoever writes to it lets anybody in. */
const mode = 0o600;
const lockTries = 100;
const lockWaitMs = 50;

export interface NewToken {
  readonly name: string;
  readonly grants: readonly Grant[];
  readonly expiresMs?: number | undefined;
}

/**
 * Reads and checks a token file. An empty one is refused: it was cut off, or is being written.
 * @throws Error that names the file
 */
export async function readTokenFile(file: string): Promise<TokenFileEntries> {
  const text = await readFile(file, 'utf8');
  if (text.trim() === '') throw new Error(`${file} is empty; "tokens: []" lets nobody in`);
  return parsed(file, text);
}

/**
 * Adds a token to a file, which is made if it does not exist. Returns the token, which is kept nowhere.
 * @throws Error if the file has the name already, or is not a token file
 */
export async function addToken(
  file: string,
  { name, grants, expiresMs }: NewToken,
  nowMs: number,
): Promise<string> {
  const token = makeToken();
  const entry = {
    name,
    sha256: hashToken(token).toString('hex'),
    grants: grants.map(({ rights, vaults }) => ({ rights: [...rights], vaults: [...vaults] })),
    created: new Date(nowMs).toISOString(),
    ...(expiresMs !== undefined && { expires: new Date(expiresMs).toISOString() }),
  };
  await edit(file, (document, { tokens, certificates }) => {
    if ([...tokens, ...certificates].some((each) => each.name === name))
      throw new Error(`${file} has an entry ${name} already`);
    const list = document.get('tokens');
    if (!isSeq(list)) document.set('tokens', new YAMLSeq());
    document.addIn(['tokens'], document.createNode(entry));
  });
  return token;
}

/** Removes a token from a file. @throws Error if the file has no such token */
export async function removeToken(file: string, name: string): Promise<void> {
  await edit(file, (document, { tokens }) => {
    const index = tokens.findIndex((each) => each.name === name);
    if (index < 0) throw new Error(`${file} has no token ${name}`);
    document.deleteIn(['tokens', index]);
  });
}

/** Changes a file as a whole: a reader gets the former or the new content. Keeps comments, and the owner. */
async function edit(
  named: string,
  change: (document: Document, entries: TokenFileEntries) => void,
): Promise<void> {
  // The file itself is replaced, not a link to it.
  const file = await realpath(named).catch(() => named);
  const unlock = await lock(file);
  try {
    const text = await readFile(file, 'utf8').catch(emptyIfAbsent);
    const entries = parsed(file, text);
    const document = parseDocument(text.trim() === '' ? '{}' : text);
    const isJson = text.trim() === '' ? file.endsWith('.json') : text.trimStart().startsWith('{');
    change(document, entries);
    if (!isJson && isMap(document.contents)) document.contents.flow = false;
    const output = isJson ? `${JSON.stringify(document, null, 2)}\n` : document.toString({ lineWidth: 0 });
    parsed(file, output);
    await replace(file, output);
  } finally {
    await unlock();
  }
}

async function replace(file: string, content: string): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  const former = await stat(file).catch(() => undefined);
  const handle = await open(temporary, 'wx', mode);
  try {
    await handle.writeFile(content);
    await handle.chmod(mode);
    if (former !== undefined) await handle.chown(former.uid, former.gid);
    await handle.sync();
    await handle.close();
    await rename(temporary, file);
  } catch (error) {
    await handle.close().catch(() => undefined);
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
}

/** Keeps other commands from editing the file. Resolves to the function that lets them. */
async function lock(file: string): Promise<() => Promise<void>> {
  const lockFile = `${file}.lock`;
  for (let tries = 1; ; tries++) {
    try {
      await (await open(lockFile, 'wx', mode)).close();
      return () => unlink(lockFile);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      if (tries < lockTries) await sleep(lockWaitMs);
      else
        throw new Error(`${file} is being edited; if no command does that, remove ${lockFile}`, {
          cause: error,
        });
    }
  }
}

function parsed(file: string, text: string): TokenFileEntries {
  try {
    return parseTokenFile(text);
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}`, { cause: error });
  }
}

function emptyIfAbsent(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return '';
  throw error;
}
