import { isClientError } from '../../client/index.js';
import { printable } from '../../model/index.js';
import { describeError, describeFileError } from '../errors.js';
import { formatCount } from '../format.js';
import { BadLine } from './bad-line.js';

/** Limit of the distinct kinds of failures; all others are counted as "other". */
const kindsMax = 20;
const other = 'other';

/** Lines that could not be stored: the first of each kind is shown, and all are counted by kind. */
export class Failures {
  private readonly counts = new Map<string, number>();
  /** Failures that were shown, without what belongs to one line only. */
  private readonly wasShown = new Set<string>();
  private total = 0;
  private shown = 0;

  constructor(
    private readonly shownMax: number,
    private readonly show: (line: string) => void,
  ) {}

  get count(): number {
    return this.total;
  }

  /** `where` is a file, or file:line; `file` is the path of a file that fails as a whole. */
  add(where: string, error: unknown, file?: string): void {
    this.again(kindOf(error));
    if (this.shown >= this.shownMax) return;
    // A failure of a file is shown each time.
    const words = describe(error, file);
    const same = error instanceof BadLine ? error.kind : withoutParticulars(words, error);
    if (file === undefined && this.wasShown.has(same)) return;
    this.wasShown.add(same);
    this.shown++;
    this.show(`${where}: ${printable(words)}`);
  }

  /** Counts a failure of a kind that was added before. */
  again(kind: string): void {
    this.total++;
    const counted = this.counts.has(kind) || this.counts.size < kindsMax ? kind : other;
    this.counts.set(counted, (this.counts.get(counted) ?? 0) + 1);
  }

  /** Counts by kind, most frequent first. */
  byKind(): { readonly reason: string; readonly count: number }[] {
    return [...this.counts].map(([reason, count]) => ({ reason, count })).sort((a, b) => b.count - a.count);
  }

  /** Describes in one sentence the failures that were not shown; undefined if all were. */
  rest(): string | undefined {
    if (this.total <= this.shown) return undefined;
    const kinds = this.byKind().map(({ reason, count }) => `${formatCount(count)} × ${printable(reason)}`);
    const first = this.shownMax === 0 ? ', which are not shown (see --errors-max)' : '';
    return `${formatCount(this.total)} failures${first}: ${kinds.join(', ')}`;
  }
}

function describe(error: unknown, file: string | undefined): string {
  const inFile = file !== undefined && error instanceof Error ? describeFileError(error, file) : undefined;
  return inFile ?? describeError(error);
}

/** Facts of a server's refusal that tell one thing to mend from another. */
const tellingFacts = ['field', 'tokenizer', 'right', 'vault'] as const;

/** Returns the words of an error without what belongs to one line only: numbers, and names in quotes. */
function withoutParticulars(words: string, error: unknown): string {
  const facts = isClientError(error) ? tellingFacts.map((fact) => error.metadata[fact]) : [];
  const plain = words.replace(/"(?:[^"\\]|\\.)*"/g, '""');
  return JSON.stringify([plain, ...facts]).replace(/\d+/g, '0');
}

/** Returns words that are the same for the same error, whatever the line. */
function kindOf(error: unknown): string {
  if (error instanceof BadLine) return error.kind;
  if (isClientError(error)) return error.reason ?? error.codeName;
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === 'string' ? code : other;
}
