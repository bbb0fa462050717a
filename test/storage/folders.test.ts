import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeFolder } from '../../src/storage/shared/vault-folder.js';
import { temporaryFolder, type TemporaryFolder } from './faults/support.js';

describe('a folder that is made', () => {
  let folder: TemporaryFolder;
  beforeEach(async () => (folder = await temporaryFolder()));
  afterEach(() => folder.remove());

  it('has those above it, and says which is the outermost that was not there', async () => {
    const innermost = join(folder.path, 'a', 'b', 'c');
    expect(await makeFolder(innermost)).toBe(join(folder.path, 'a'));
    expect((await stat(innermost)).isDirectory()).toBe(true);
    expect(await makeFolder(innermost)).toBeUndefined();
    expect(await makeFolder(join(innermost, '..', 'd'))).toBe(join(folder.path, 'a', 'b', 'd'));
  });
});
