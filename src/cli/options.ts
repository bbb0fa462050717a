import { type Command, InvalidArgumentError } from 'commander';
import { type ConversationFilter, parseAddress, type ValueCondition } from '../client/index.js';

/** Parsers of option values for commander: an error that they throw means wrong usage. */

export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It is a whole number from ${min} to ${max}.`);
  };
}

const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Parses "90s", "10m", "24h", "7d", or seconds without a unit, to milliseconds. */
export function duration(text: string): number {
  const [, amount, unit = 's'] = /^(\d{1,9}(?:\.\d{1,3})?)([smhd])?$/.exec(text) ?? [];
  if (amount === undefined)
    throw new InvalidArgumentError('It is a number with s, m, h or d: 90s, 10m, 24h, 7d.');
  return Math.round(Number(amount) * unitMs[unit]!);
}

const byteUnits: Readonly<Record<string, number>> = {
  '': 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/** Parses "500MiB", "50GiB", or bytes without a unit, to bytes. */
export function byteSize(text: string): number {
  const [, amount, unit = ''] = /^(\d{1,12})(KiB|MiB|GiB|TiB)?$/.exec(text) ?? [];
  const bytes = Number(amount) * byteUnits[unit]!;
  if (Number.isSafeInteger(bytes)) return bytes;
  throw new InvalidArgumentError('It is a number of bytes: 1073741824, 1024MiB, 1GiB.');
}

const dateOrTime = /^(\d{4}-\d\d-\d\d)(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/;

/** Parses a date (its midnight in UTC) or a time with its zone, to milliseconds since 1970. */
export function time(text: string): number {
  const date = dateOrTime.exec(text)?.[1];
  const timeMs = date !== undefined && isInCalendar(date) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(timeMs)) return timeMs;
  throw new InvalidArgumentError('It is a date or a time with its zone: 2026-01-31, 2026-01-31T12:00:00Z.');
}

/** Checks the day, because Date.parse reads the 30th of February as the 2nd of March. */
function isInCalendar(date: string): boolean {
  const timeMs = Date.parse(date);
  return !Number.isNaN(timeMs) && new Date(timeMs).toISOString().startsWith(date);
}

/** Requires a text that is not empty: an empty one is most likely a variable that was not set. */
export function filled(text: string): string {
  if (text !== '') return text;
  throw new InvalidArgumentError('It is empty.');
}

/** Returns an offset from UTC as RFC 3339 writes it: Z, or +02:00. */
export function timeZone(text: string): string {
  if (/^(z|utc)$/i.test(text)) return 'Z';
  if (/^[+-]([01]\d|2[0-3]):[0-5]\d$/.test(text)) return text;
  throw new InvalidArgumentError('It is Z, or an offset like +02:00.');
}

/** Collects KEY=VALUE of a repeated option. */
export function keyValue(text: string, soFar: Record<string, string> = {}): Record<string, string> {
  const cut = text.indexOf('=');
  if (cut < 1) throw new InvalidArgumentError('It is KEY=VALUE.');
  return { ...soFar, [text.slice(0, cut)]: text.slice(cut + 1) };
}

/** Collects the values of a repeated option. */
function any(text: string, soFar: readonly string[] = []): readonly string[] {
  return [...soFar, filled(text)];
}

/** Collects the values of each key, of a repeated KEY=VALUE. */
function anyOfKey(
  text: string,
  soFar: Readonly<Record<string, readonly string[]>> = {},
): Readonly<Record<string, readonly string[]>> {
  const [[key, value] = ['', '']] = Object.entries(keyValue(text));
  return { ...soFar, [key]: [...(soFar[key] ?? []), value] };
}

/** Parses a server's address, with its port. Clients cannot use port 0, which means any free one. */
export function address(options: Parameters<typeof parseAddress>[1] = {}): (text: string) => string {
  return (text) => {
    try {
      return parseAddress(text, options);
    } catch (error) {
      throw new InvalidArgumentError(`${upperFirst((error as RangeError).message)}.`);
    }
  };
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export interface FilterOptions {
  readonly application?: readonly string[];
  readonly notApplication?: readonly string[];
  readonly model?: readonly string[];
  readonly notModel?: readonly string[];
  readonly tokenizer?: readonly string[];
  readonly notTokenizer?: readonly string[];
  readonly parent?: readonly string[];
  readonly notParent?: readonly string[];
  readonly label?: Readonly<Record<string, readonly string[]>>;
  readonly notLabel?: Readonly<Record<string, readonly string[]>>;
  readonly updatedFrom?: number;
  readonly updatedBefore?: number;
  readonly expiresFrom?: number;
  readonly expiresBefore?: number;
  readonly idPrefix?: string;
  readonly from?: number;
  readonly before?: number;
  readonly minTokens?: number;
  readonly maxTokens?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Adds the options that select conversations. */
export function withFilter(command: Command): Command {
  return command
    .option('--application <name>', 'only conversations of this application; repeated: of one of them', any)
    .option('--not-application <name>', 'no conversations of this application; may be repeated', any)
    .option('--model <name>', 'only conversations of this model; repeated: of one of them', any)
    .option('--not-model <name>', 'no conversations of this model; may be repeated', any)
    .option('--tokenizer <name>', 'only conversations of this tokenizer; repeated: of one of them', any)
    .option('--not-tokenizer <name>', 'no conversations of this tokenizer; may be repeated', any)
    .option('--label <key=value>', 'only with this label; a key repeated: with one of its values', anyOfKey)
    .option('--not-label <key=value>', 'not with this label; may be repeated', anyOfKey)
    .option('--parent <id>', 'only forks of this conversation; repeated: of one of them', any)
    .option('--not-parent <id>', 'no forks of this conversation; may be repeated', any)
    .option('--id-prefix <text>', 'only ids that begin with this text', filled)
    .option('--from <time>', 'only created at this time or later: 2026-01-31, 2026-01-31T12:00:00Z', time)
    .option('--before <time>', 'only created before this time', time)
    .option('--updated-from <time>', 'only changed last at this time or later', time)
    .option('--updated-before <time>', 'only changed last before this time', time)
    .option('--expires-from <time>', 'only those that expire at this time or later', time)
    .option('--expires-before <time>', 'only those that expire before this time', time)
    .option('--min-tokens <n>', 'only with at least n tokens', wholeNumber(0))
    .option('--max-tokens <n>', 'only with at most n tokens', wholeNumber(0))
    .option('--metadata <key=value>', 'only with this metadata; may be repeated', keyValue);
}

export function toFilter(options: FilterOptions): ConversationFilter {
  const { from, before, minTokens, maxTokens } = options;
  const conditions = conditionsOf(options);
  return {
    ...(conditions.length > 0 && { conditions }),
    ...(options.updatedFrom !== undefined && { updateTimeFromMs: options.updatedFrom }),
    ...(options.updatedBefore !== undefined && { updateTimeBeforeMs: options.updatedBefore }),
    ...(options.expiresFrom !== undefined && { expireTimeFromMs: options.expiresFrom }),
    ...(options.expiresBefore !== undefined && { expireTimeBeforeMs: options.expiresBefore }),
    ...(options.idPrefix !== undefined && { idPrefix: options.idPrefix }),
    ...(from !== undefined && { createTimeFromMs: from }),
    ...(before !== undefined && { createTimeBeforeMs: before }),
    ...(minTokens !== undefined && { tokensMin: minTokens }),
    ...(maxTokens !== undefined && { tokensMax: maxTokens }),
    ...(options.metadata !== undefined && { metadata: options.metadata }),
  };
}

function conditionsOf(options: FilterOptions): ValueCondition[] {
  const { application, notApplication, model, notModel } = options;
  const { tokenizer, notTokenizer, parent, notParent } = options;
  const onField = (
    field: ValueCondition['field'],
    values: readonly string[] | undefined,
    negated = false,
  ): ValueCondition[] => (values === undefined ? [] : [{ field, values, negated }]);
  const onLabels = (labels: FilterOptions['label'], negated: boolean): ValueCondition[] =>
    Object.entries(labels ?? {}).map(([key, values]) => ({ field: 'metadata', key, values, negated }));
  return [
    ...onField('application', application),
    ...onField('application', notApplication, true),
    ...onField('model', model),
    ...onField('model', notModel, true),
    ...onField('tokenizer', tokenizer),
    ...onField('tokenizer', notTokenizer, true),
    ...onField('parentId', parent),
    ...onField('parentId', notParent, true),
    ...onLabels(options.label, false),
    ...onLabels(options.notLabel, true),
  ];
}
