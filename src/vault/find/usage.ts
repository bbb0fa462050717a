import { limits, StowkenError } from '../../model/index.js';
import { type StorageBackend, type UsageFigures, usageFigures } from '../../storage/index.js';
import { unsupported } from '../refusals.js';
import { clockOf } from './local-time.js';

export const usageFields = ['day', 'hour', 'application', 'model', 'tokenizer'] as const;
export type UsageField = (typeof usageFields)[number];

export interface UsageInput {
  readonly groupBy: readonly UsageField[];
  readonly labels: readonly string[];
  readonly fromMs: number;
  readonly beforeMs: number;
  /** Name of a time zone; UTC if empty. */
  readonly timeZone: string;
}

export interface UsageSum extends Readonly<Partial<Record<UsageField, string>>> {
  readonly labels: Readonly<Record<string, string>>;
  readonly figures: UsageFigures;
}

type Sums = { -readonly [Figure in keyof UsageFigures]: number };

/** Sums the usage of a range by groups, in the order of their values. */
export async function getUsage(
  backend: StorageBackend,
  { groupBy, labels, fromMs, beforeMs, timeZone }: UsageInput,
  signal: AbortSignal,
): Promise<UsageSum[]> {
  if (!backend.usage) throw unsupported('usage', backend);
  const localTime = clockOf(timeZone);
  const groups = new Map<string, UsageSum & { readonly figures: Sums }>();
  let answerBytes = 0;
  const onRow: Parameters<NonNullable<StorageBackend['usage']>>[0]['onRow'] = (row) => {
    const local = groupBy.includes('day') || groupBy.includes('hour') ? localTime(row.timeMs) : '';
    const values = { ...row, day: local.slice(0, 10), hour: local };
    const fields = Object.fromEntries(groupBy.map((field) => [field, values[field]]));
    const named = labels.flatMap((key) =>
      Object.hasOwn(row.labels, key) ? [[key, row.labels[key]!] as const] : [],
    );
    const name = JSON.stringify([groupBy.map((field) => fields[field]), named]);
    let sum = groups.get(name);
    if (!sum) {
      if (groups.size === limits.usageRowsMax) throw tooMuch('rows', groups.size + 1, limits.usageRowsMax);
      const none = Object.fromEntries(usageFigures.map((figure) => [figure, 0]));
      sum = { ...fields, labels: Object.fromEntries(named), figures: none as Sums };
      groups.set(name, sum);
      answerBytes += rowBytesMax(sum);
      if (answerBytes > limits.usageAnswerBytesMax)
        throw tooMuch('bytes', answerBytes, limits.usageAnswerBytesMax);
    }
    for (const figure of usageFigures) sum.figures[figure] += row.figures[figure];
  };
  await backend.usage({ fromMs, beforeMs, onRow, signal });
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, sum]) => sum);
}

function tooMuch(unit: string, size: number, limit: number): StowkenError {
  const sentence = `the usage has more than ${limit} ${unit}: ask for less time, or group by fewer fields`;
  return new StowkenError('REQUEST_TOO_LARGE', sentence, { size: String(size), limit: String(limit) });
}

/** Bytes of a row in an answer beside its texts: heads of the row and its fields, and eleven figures. */
const rowOverheadBytes = 160;
/** Bytes beside the texts of a label: heads of the entry, the key and the value. */
const labelOverheadBytes = 16;

/** Returns a bound of the size of a row in an answer. */
function rowBytesMax({ labels, figures: _figures, ...fields }: UsageSum): number {
  const texts = [...Object.values(fields), ...Object.entries(labels).flat()];
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), rowOverheadBytes);
  return bytes + Object.keys(labels).length * labelOverheadBytes;
}
