import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { connect, type StowkenClient } from '../../../src/client/index.js';
import type { RunningServer } from '../../../src/cli/index.js';
import type { Stored } from './export-samples.js';
import { startTestServer } from './start-server.js';
import { type CliResult, jsonLines, stowkenAt } from './stowken.js';

/** A server whose vault is exported into folders, which are removed with it. */
export class ExportBench {
  readonly folder = mkdtempSync(join(tmpdir(), 'stowken-export-'));
  #exports = 0;

  private constructor(
    private readonly server: RunningServer,
    readonly client: StowkenClient,
    readonly run: (args: readonly string[]) => Promise<CliResult>,
  ) {}

  static async start(): Promise<ExportBench> {
    const server = await startTestServer();
    return new ExportBench(server, connect({ server: server.address }), stowkenAt(server.address));
  }

  async store({ id, messages }: Stored, application: string): Promise<void> {
    const said = messages.map(({ role, tokens }) => ({ role, tokens: [...tokens] }));
    await this.client.store({ conversation: { id, application }, messages: said });
  }

  /** Exports to a new folder; returns it. */
  async exported(...args: string[]): Promise<string> {
    const out = join(this.folder, String(this.#exports++));
    const { code, stderr } = await this.run(['export', '--out', out, ...args]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return out;
  }

  async stop(): Promise<void> {
    this.client.close();
    await this.server.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Returns the ids of a file of JSON lines. */
export function idsIn(path: string): unknown[] {
  return jsonLines(readFileSync(path, 'utf8')).map(({ id }) => id);
}
