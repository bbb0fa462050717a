import type { StoreResult } from '../../client/index.js';
import { printable } from '../../model/index.js';
import { formatBytes, formatCount, formatRate, formatShare, plural } from '../format.js';
import { type Io, progressEveryMs } from '../io.js';
import type { Outcome } from './beside.js';
import type { Failures } from './failures.js';
import type { Draft } from './shapes/index.js';
import { createBar } from '../progress.js';

/** Limit of the files left out that are named in a summary. */
const leftOutMax = 5;

/** Counts of an import so far. */
export class Tally {
  stored = 0;
  /** Conversations among those that are stored under an id of their own. */
  beside = 0;
  unchanged = 0;
  /** Stores ended by an interruption: they may be stored, or not. */
  cancelled = 0;
  /** Tokens in stored conversations. */
  tokens = 0;
  /** Tokens of content in new segments. */
  newTokens = 0;
  /** Conversations whose create time is not used: it names no zone, or no server takes it. */
  timesWithoutZone = 0;
  timesOutOfRange = 0;
  readonly assumed: AssumedTokenizer;
  /** Conversations that were read, by their shape. */
  readonly formats = new Map<string, number>();
  /** Files found in folders that hold nothing to import. */
  readonly leftOut: string[] = [];
  /** Parts of files that were left out, which are no lines. */
  readonly warnings: string[] = [];
  private readonly startMs = performance.now();

  /** `tokenizer`: that of text whose model has none that is known. `dryRun`: nothing is stored. */
  constructor(
    readonly failures: Failures,
    tokenizer: string,
    private readonly dryRun = false,
  ) {
    this.assumed = new AssumedTokenizer(tokenizer);
  }

  /** Counts a conversation that was read. */
  found({ format, spec: { createTime } }: Draft): void {
    if (createTime === 'no zone') this.timesWithoutZone++;
    if (createTime === 'out of range') this.timesOutOfRange++;
    this.formats.set(format, (this.formats.get(format) ?? 0) + 1);
  }

  /** Conversations that were read. */
  get read(): number {
    return [...this.formats.values()].reduce((sum, count) => sum + count, 0);
  }

  add({ unchanged, conversation, newTokens }: StoreResult): void {
    if (unchanged) {
      this.unchanged++;
      return;
    }
    this.stored++;
    this.tokens += conversation.totalTokens;
    this.newTokens += newTokens;
  }

  /** Counts a conversation whose id was stored already. */
  settled({ result, beside }: Outcome): void {
    if (result === 'unchanged') this.unchanged++;
    else {
      if (beside && !result.unchanged) this.beside++;
      this.add(result);
    }
  }

  get failed(): number {
    return this.failures.count;
  }

  get done(): number {
    return this.stored + this.unchanged + this.failed;
  }

  get elapsedMs(): number {
    return performance.now() - this.startMs;
  }

  summary(): string {
    const { stored, unchanged, failed, cancelled, tokens, newTokens, elapsedMs } = this;
    const ended = cancelled > 0 ? `, cancelled ${formatCount(cancelled)}` : '';
    const counts = `stored ${plural(stored, 'conversation')}, unchanged ${formatCount(unchanged)}, failed ${formatCount(failed)}${ended}`;
    const volume = `${plural(tokens, 'token')} stored; new segments have ${formatCount(newTokens)}`;
    const rates = `${formatRate(stored + unchanged, elapsedMs)} conversations/s, ${formatRate(tokens, elapsedMs)} tokens/s`;
    if (this.dryRun)
      return [
        `would store ${plural(this.read, 'conversation')}, failed ${formatCount(failed)}`,
        ...this.formatLines(),
        ...this.timeLines(),
        ...this.leftOutLines(),
        ...this.warningLines(),
      ].join('\n');
    const lines = [counts, volume, `${(elapsedMs / 1000).toFixed(1)} s: ${rates}`];
    return [
      ...lines,
      ...this.formatLines(),
      ...this.besideLines(),
      ...this.timeLines(),
      ...this.leftOutLines(),
      ...this.warningLines(),
      ...this.assumed.lines(),
    ].join('\n');
  }

  private formatLines(): string[] {
    if (this.formats.size === 0) return [];
    const sorted = [...this.formats].sort(([, a], [, b]) => b - a);
    return [`read as ${sorted.map(([name, count]) => `${name} ${formatCount(count)}`).join(', ')}`];
  }

  private besideLines(): string[] {
    if (this.beside === 0) return [];
    return [
      `stored ${plural(this.beside, 'conversation')} under ids like ID~1f0c9a, because ID has other content: ` +
        '--on-conflict replace, keep or fail says otherwise',
    ];
  }

  private timeLines(): string[] {
    const { timesWithoutZone: local, timesOutOfRange: strange } = this;
    const kept = 'kept as fields; lists go by the time of import';
    return [
      ...(local > 0
        ? [`the times of ${plural(local, 'conversation')} name no zone: ${kept}. --time-zone states one`]
        : []),
      ...(strange > 0
        ? [`the times of ${plural(strange, 'conversation')} are before 1970 or in the future: ${kept}`]
        : []),
    ];
  }

  private leftOutLines(): string[] {
    if (this.leftOut.length === 0) return [];
    const some = this.leftOut.slice(0, leftOutMax).map(printable);
    const more = this.leftOut.length > leftOutMax ? ', …' : '';
    return [
      `left out ${plural(this.leftOut.length, 'file')} without JSON or Parquet: ${some.join(', ')}${more}`,
    ];
  }

  /** Each was shown when its file was read. */
  private warningLines(): string[] {
    return this.warnings.length === 0 ? [] : [plural(this.warnings.length, 'warning')];
  }

  plain(): object {
    const { stored, unchanged, failed, cancelled, tokens, newTokens, elapsedMs } = this;
    return {
      ...(this.dryRun && { dry_run: true, would_store: this.read }),
      stored,
      ...(this.beside > 0 && { beside: this.beside }),
      unchanged,
      failed,
      cancelled,
      tokens,
      new_tokens: newTokens,
      elapsed_ms: Math.round(elapsedMs),
      formats: Object.fromEntries(this.formats),
      failures: this.failures.byKind(),
      ...(this.timesWithoutZone > 0 && { times_without_zone: this.timesWithoutZone }),
      ...(this.timesOutOfRange > 0 && { times_out_of_range: this.timesOutOfRange }),
      ...(this.leftOut.length > 0 && { left_out: this.leftOut }),
      ...(this.warnings.length > 0 && { warnings: this.warnings }),
      ...this.assumed.plain(),
    };
  }
}

/** Reports an import's progress on standard error. */
export interface Progress {
  /** Adds bytes read from the files, as they are on disk. */
  advance(bytes: number): void;
  /** Prints a line that stays. */
  note(text: string): void;
  stop(): void;
}

/** Creates a bar on a terminal, otherwise a plain line now and then. `bytesTotal` is 0 if it is not known. */
export function createProgress(io: Io, bytesTotal: number, tally: Tally): Progress {
  return io.stderr.isTTY === true && bytesTotal > 0
    ? barProgress(io, bytesTotal, tally)
    : lineProgress(io, bytesTotal, tally);
}

function lineProgress(io: Io, bytesTotal: number, tally: Tally): Progress {
  let bytes = 0;
  const print = () => {
    const parts = [
      plural(tally.done, 'conversation'),
      `${formatRate(tally.tokens, tally.elapsedMs)} tokens/s`,
    ];
    if (bytesTotal === 0) parts.push(`${formatBytes(bytes)} read`);
    else {
      parts.push(
        `${formatBytes(bytes)} of ${formatBytes(bytesTotal)} read (${formatShare(bytes, bytesTotal)})`,
      );
      const leftMs = (tally.elapsedMs * (bytesTotal - bytes)) / bytes;
      if (bytes > 0 && bytes < bytesTotal) parts.push(`about ${formatCount(leftMs / 1000)} s left`);
    }
    io.stderr.write(`${parts.join(', ')}\n`);
  };
  const timer = setInterval(print, progressEveryMs(io));
  return {
    advance: (more) => void (bytes += more),
    note: (text) => void io.stderr.write(`${text}\n`),
    stop: () => clearInterval(timer),
  };
}

function barProgress(io: Io, bytesTotal: number, tally: Tally): Progress {
  const bar = createBar(
    io,
    '{bar} {percentage} % · {bytes} · {conversations} conversations · {rate} tokens/s · {eta_formatted} left',
  );
  let read = 0;
  const figures = () => ({
    bytes: `${formatBytes(read)} of ${formatBytes(bytesTotal)}`,
    conversations: formatCount(tally.done),
    rate: formatRate(tally.tokens, tally.elapsedMs),
  });
  bar.start(bytesTotal, 0, figures());
  return {
    advance: (bytes) => {
      read += bytes;
      bar.increment(bytes, figures());
    },
    note: (text) => void io.stderr.write(`\r\x1b[K${text}\n`),
    stop: () => bar.stop(),
  };
}

/** Limit of the models that are named in a summary. */
const modelsMax = 5;

/**
 * Conversations with text whose model has no tokenizer that is known: they were encoded with the default one.
 */
class AssumedTokenizer {
  private readonly models = new Map<string, number>();

  constructor(private readonly tokenizer: string) {}

  add(model: string): void {
    this.models.set(model, (this.models.get(model) ?? 0) + 1);
  }

  /** Nothing is said of conversations that name no model. */
  lines(): string[] {
    const named = [...this.models].filter(([model]) => model !== '').sort(([, a], [, b]) => b - a);
    if (named.length === 0) return [];
    const count = named.reduce((sum, [, conversations]) => sum + conversations, 0);
    const some = named.slice(0, modelsMax).map(([model]) => printable(model));
    const more = named.length > modelsMax ? ', …' : '';
    return [
      `${plural(count, 'conversation')} encoded with ${this.tokenizer}, because the tokenizer of their model is not known: ${some.join(', ')}${more}`,
    ];
  }

  plain(): object {
    if (this.models.size === 0) return {};
    return { assumed_tokenizer: { tokenizer: this.tokenizer, models: Object.fromEntries(this.models) } };
  }
}
