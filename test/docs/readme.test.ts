import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'stowken-readme-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Returns the shell commands of a section, one text for each block. */
function commandsOf(page: string, title: string): string[] {
  const sections = readFileSync(join(root, page), 'utf8').split(/^## /m);
  const section = sections.find((text) => text.startsWith(`${title}\n`)) ?? '';
  return [...section.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text]) => text!);
}

const [server, client] = commandsOf('README.md', 'Start it') as [string, string];

it('a server with TLS and a token is three commands of the first page', () => {
  expect(server.replace(/\\\n/g, '').trim().split('\n')).toHaveLength(3);
  const linesBefore = readFileSync(join(root, 'README.md'), 'utf8').split(server)[0]!.split('\n').length;
  expect(linesBefore).toBeLessThan(25);
  expect(commandsOf('docs/security.md', 'A start with TLS and a token')).toEqual([server]);
});

it('these commands run as they are written', async () => {
  symlinkSync(join(root, 'stowken'), join(folder, 'stowken'));
  // The environment gives the address that the lines leave open: their own port may be taken on this machine.
  // The shell becomes the server, so that signals reach it.
  const env = { ...process.env, STOWKEN_LISTEN: '127.0.0.1:0', STOWKEN_LOG_LEVEL: 'error' };
  const child = spawn('sh', ['-e', '-c', server.replace(/^(?=\.\/stowken serve)/m, 'exec ')], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  let errors = '';
  child.stderr.on('data', (chunk) => (errors += String(chunk)));
  let address: string | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    address = /^listening on (\S+)$/.exec(line)?.[1];
    if (address !== undefined) break;
  }
  try {
    expect(address, errors).toBeDefined();
    const run = (commands: string, given: object = {}) =>
      promisify(execFile)('sh', ['-e', '-c', commands], {
        cwd: folder,
        env: { ...process.env, STOWKEN_SERVER: address, ...given },
      });
    const { stdout } = await run(client);
    expect(stdout).toMatch(/^conversations +0/);
    // The token is asked for: the same commands without it are refused.
    await expect(run(client.replace(/^export .*$/m, ''), { STOWKEN_TLS_CA: 'server.pem' })).rejects.toThrow(
      /UNAUTHENTICATED|token/,
    );
  } finally {
    child.kill('SIGTERM');
    await exited;
  }
  expect(child.exitCode).toBe(0);
});
