import type { Stats } from '../../client/index.js';
import type { Io } from '../io.js';
import { formatBytes, formatCount, formatShare, formatTable } from '../format.js';
import type { Output } from '../output.js';

/** Prints the demo's lines. */
export class Report {
  constructor(
    private readonly output: Output,
    private readonly terminal: boolean,
  ) {}

  static on(output: Output, { stdout }: Io): Report {
    return new Report(output, stdout.isTTY === true);
  }

  title(text: string): Promise<void> {
    return this.output.line(`\n${this.bold(text)}\n`);
  }

  step(name: string, text: string): Promise<void> {
    return this.output.line(`  ${name.padEnd(11)}${text}`);
  }

  /** What the vault takes beside what the same conversations take elsewhere. */
  async costs(stats: Stats, jsonBytes: number): Promise<void> {
    const { rawBytes, segmentBytes, inUseBytes } = stats;
    const rows = [
      ['as JSON text', jsonBytes],
      ['4 bytes a token', rawBytes],
      ['segments as stored', segmentBytes],
      ['all pages in use', inUseBytes],
    ] as const;
    const cells = rows.map(([name, bytes]) => [
      `  ${name}`,
      formatBytes(bytes),
      formatShare(bytes, rawBytes),
      this.bar(bytes / Math.max(...rows.map(([, size]) => size))),
    ]);
    await this.title('What it takes');
    await this.output.line(formatTable(cells, ['left', 'right', 'right', 'left']));
    const { tokens, uniqueTokens } = stats;
    const shared = formatShare(tokens - uniqueTokens, tokens);
    await this.output.line(
      `\n  ${this.bold(shared)} of ${formatCount(tokens)} tokens were stored already: ${formatCount(uniqueTokens)} are kept.`,
    );
  }

  async commands(lines: readonly string[]): Promise<void> {
    await this.title('Go on with');
    for (const line of lines) await this.output.line(`  ${line}`);
  }

  private bar(share: number): string {
    return '█'.repeat(Math.max(1, Math.round(share * 30)));
  }

  private bold(text: string): string {
    return this.terminal ? `\x1b[1m${text}\x1b[0m` : text;
  }
}
