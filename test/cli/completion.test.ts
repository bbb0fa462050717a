import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { storageKinds } from '../../src/cli/serve/options.js';
import { stowken } from './support/stowken.js';

const folder = mkdtempSync(join(tmpdir(), 'stowken-completion-'));
afterAll(() => rmSync(folder, { recursive: true }));

beforeAll(async () => {
  mkdirSync(join(folder, 'my data'));
  writeFileSync(join(folder, 'my file.jsonl'), '');
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, stdout, stderr } = await stowken(['completion', shell]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    writeFileSync(join(folder, shell), stdout);
  }
});

/** Returns what bash offers for the last of these words. */
function offered(...words: string[]): string[] {
  const script = `source ./bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _stowken; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const args = ['--norc', '-c', script, 'bash', 'stowken', ...words];
  return execFileSync('bash', args, { cwd: folder, encoding: 'utf8' }).split('\n').filter(Boolean).sort();
}

/** Returns the names of the commands that a help text lists, and of its options. */
async function helpOf(...path: string[]) {
  const { stdout } = await stowken([...path, '--help']);
  const commands = stdout.split(/^Commands:$/m)[1]?.split('\n\n')[0] ?? '';
  return {
    commands: [...commands.matchAll(/^ {2}([a-z-]+)/gm)].map(([, name]) => name!),
    options: [...stdout.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, name]) => name!),
  };
}

describe('completion in bash', () => {
  it('offers every command, and every option of each', async () => {
    const paths: string[][] = [[]];
    for (const path of paths) {
      const { commands, options } = await helpOf(...path);
      if (commands.length > 0) expect(offered(...path, '')).toEqual(commands.sort());
      expect(offered(...path, '-')).toEqual(expect.arrayContaining(options));
      paths.push(...commands.filter((name) => name !== 'help').map((name) => [...path, name]));
    }
    expect(paths.length).toBeGreaterThan(25);
  });

  it('offers what begins as it was typed', () => {
    expect(offered('ver')).toEqual(['verify']);
    expect(offered('vault', 'cr')).toEqual(['create']);
    expect(offered('stats', '--js')).toEqual(['--json']);
  });

  it('offers the values that an option may have', () => {
    expect(offered('serve', '--storage', '')).toEqual([...storageKinds].sort());
    expect(offered('serve', '--storage', '=', 'l')).toEqual(['lmdb']);
    expect(offered('serve', '--storage', '=')).toEqual([...storageKinds].sort());
    expect(offered('vault', 'set', '--prefix-index', 'o')).toEqual(['off', 'on']);
    expect(offered('completion', '')).toEqual(['bash', 'fish', 'zsh']);
    expect(offered('help', 'sta')).toEqual(['stats']);
    expect(offered('help', 'vault', 's')).toEqual(['set', 'show']);
  });

  it('offers files where files are meant, folders where folders are, and nothing for other values', () => {
    expect(offered('import', 'my')).toEqual(['my data', 'my file.jsonl']);
    expect(offered('serve', '--tls-key', 'my')).toEqual(['my data', 'my file.jsonl']);
    expect(offered('serve', '--data', 'my')).toEqual(['my data']);
    expect(offered('serve', '--listen', '')).toEqual([]);
    expect(offered('get', '')).toEqual([]);
  });

  it('does not take the value of an option for a command', () => {
    expect(offered('--profile', 'vault', 'ver')).toEqual(['verify']);
  });
});

/** Shells that a machine may not have: what is asked of each, and what it answers. */
const others = {
  zsh: ['-f', '-c', 'autoload -U compinit && compinit -D -u && source ./zsh && print ${_comps[stowken]}'],
  fish: ['--no-config', '-c', 'source ./fish; complete -C "stowken serve --storage "'],
};
const answers = { zsh: ['_stowken'], fish: [...storageKinds].sort() };

describe.each(['zsh', 'fish'] as const)('completion in %s', (shell) => {
  it('is taken by the shell', (context) => {
    if (spawnSync(shell, ['--version']).error) context.skip(`${shell} is not installed`);
    const answer = execFileSync(shell, others[shell], {
      cwd: folder,
      env: { ...process.env, HOME: folder },
      encoding: 'utf8',
    });
    const words = answer.split('\n').map((line) => line.split('\t')[0]!);
    expect(words.filter(Boolean).sort()).toEqual(answers[shell]);
  });
});
