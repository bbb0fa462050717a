import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const check = (folder: string) =>
  execFileSync(process.execPath, ['generate.mjs', '--check'], { cwd: folder, stdio: 'pipe' });

describe('the generated types of messages', () => {
  it('are what the contract gives', () => {
    check(root);
  });

  describe('of a changed contract', () => {
    let folder: string;
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'stowken-types-'));
      for (const name of ['proto', 'src/client/generated', 'src/rpc/generated', 'src/page/browser/generated'])
        cpSync(join(root, name), join(folder, name), { recursive: true });
      for (const name of ['generate.mjs', 'package.json', '.prettierrc.json'])
        cpSync(join(root, name), join(folder, name));
      symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    });
    afterAll(() => rmSync(folder, { recursive: true }));

    it('are refused until they are generated, and then have its fields', () => {
      const contract = join(folder, 'proto/stowken/v1/maintenance_service.proto');
      const text = readFileSync(contract, 'utf8');
      writeFileSync(
        contract,
        text.replace('uint64 file_bytes = 13;', '$&\n  optional uint64 spare_bytes = 14;'),
      );
      expect(() => check(folder)).toThrow(/src\/rpc\/generated\/responses\.ts is not/);
      execFileSync(process.execPath, ['generate.mjs'], { cwd: folder });
      check(folder);
      const generated = (file: string) => readFileSync(join(folder, file), 'utf8');
      expect(generated('src/rpc/generated/responses.ts')).toContain('spare_bytes?: number | undefined;');
      expect(generated('src/client/generated/responses.ts')).toContain('spareBytes: string | undefined;');
    });

    it('are refused when edited by hand', () => {
      appendFileSync(join(folder, 'src/client/generated/methods.ts'), '\n');
      expect(() => check(folder)).toThrow(/methods\.ts is not/);
    });
  });
});
