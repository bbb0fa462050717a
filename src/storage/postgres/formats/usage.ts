import { StowkenError } from '../../../model/index.js';
import { type UsageFigures, usageFigures } from '../../contract/usage.js';
import { addUsage, noUsage, type UsageGroup } from '../../shared/usage.js';

/** Usage of a group in a period. */
export interface GroupUsage {
  readonly period: number;
  readonly group: UsageGroup;
  readonly figures: UsageFigures;
}

/** Encodes what a delta has of usage; described in docs/formats/postgres.md. */
export function encodeUsage(usage: readonly GroupUsage[]): Uint8Array {
  const rows = usage.map(({ period, group, figures }) => [
    period,
    group,
    usageFigures.map((figure) => figures[figure]),
  ]);
  return Buffer.from(JSON.stringify(rows));
}

/** @throws StowkenError CORRUPT_STORE */
export function decodeUsage(stored: Uint8Array): GroupUsage[] {
  try {
    const rows = JSON.parse(Buffer.from(stored).toString()) as [number, UsageGroup, number[]][];
    return rows.map(([period, group, sums]) => ({ period, group, figures: figuresFrom(sums) }));
  } catch (error) {
    throw new StowkenError('CORRUPT_STORE', 'usage in a delta does not decode', {}, { cause: error });
  }
}

/** @throws StowkenError CORRUPT_STORE */
export function groupFrom(text: string): UsageGroup {
  try {
    return JSON.parse(text) as UsageGroup;
  } catch (error) {
    throw new StowkenError('CORRUPT_STORE', 'a group of usage does not decode', {}, { cause: error });
  }
}

/** Returns figures from a list in their order. */
export function figuresFrom(sums: readonly number[]): UsageFigures {
  const entries = usageFigures.map((figure, at) => [figure, sums[at] ?? 0]);
  return Object.fromEntries(entries) as UsageFigures;
}

/** Sums usage by periods and groups. */
export class UsageSums {
  readonly #sums = new Map<string, GroupUsage & { readonly text: string }>();

  add({ period, group, figures }: GroupUsage): void {
    const text = JSON.stringify(group);
    const name = `${period} ${text}`;
    const before = this.#sums.get(name)?.figures ?? noUsage;
    this.#sums.set(name, { period, group, text, figures: addUsage(before, figures) });
  }

  /** All sums, by periods, the shorter names of groups first. */
  get all(): (GroupUsage & { readonly text: string })[] {
    return [...this.#sums.values()].sort(
      (a, b) => a.period - b.period || a.text.length - b.text.length || (a.text < b.text ? -1 : 1),
    );
  }
}
