import { isClientError } from '../../client/index.js';
import { printable } from '../../model/index.js';
import { describeError } from '../errors.js';
import { formatCount } from '../format.js';
import { BadLine } from '../jsonl/record.js';

/** Kinds of failure that are told apart; what comes after them is counted as "other". */
const kindsMax = 20;
const other = 'other';

/** Lines that could not be stored: the first are shown one by one, and all are counted by what was wrong. */
export class Failures {
  private readonly counts = new Map<string, number>();
  private total = 0;

  constructor(
    private readonly shownMax: number,
    private readonly show: (line: string) => void,
  ) {}

  get count(): number {
    return this.total;
  }

  /** `where` is a file, or file:line. */
  add(where: string, error: unknown): void {
    this.total++;
    const kind = kindOf(error);
    const counted = this.counts.has(kind) || this.counts.size < kindsMax ? kind : other;
    this.counts.set(counted, (this.counts.get(counted) ?? 0) + 1);
    if (this.total <= this.shownMax) this.show(`${where}: ${printable(describeError(error))}`);
  }

  /** Most frequent first. */
  byKind(): { readonly reason: string; readonly count: number }[] {
    return [...this.counts].map(([reason, count]) => ({ reason, count })).sort((a, b) => b.count - a.count);
  }

  /** What was not shown, in one sentence; undefined if everything was. */
  rest(): string | undefined {
    if (this.total <= this.shownMax) return undefined;
    const kinds = this.byKind().map(({ reason, count }) => `${formatCount(count)} × ${printable(reason)}`);
    const first =
      this.shownMax === 0
        ? 'failures are not shown'
        : `only the first ${formatCount(this.shownMax)} are shown`;
    return `${formatCount(this.total)} failures, ${first} (see --errors-max): ${kinds.join(', ')}`;
  }
}

/** Words that are the same for the same refusal, whatever the line. */
function kindOf(error: unknown): string {
  if (error instanceof BadLine) return error.kind;
  if (isClientError(error)) return error.reason ?? error.codeName;
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === 'string' ? code : other;
}
