import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import { isTokenId } from '../../client/index.js';
import { extraFields, isEmpty } from './envelope.js';

interface TextPart {
  readonly type: 'text' | 'input_text' | 'output_text';
  readonly text: string;
}

const text = z.string({ error: ({ input }) => (input === undefined ? 'it is missing' : 'it is no text') });
/** Not a union of zod: it takes ten times as long to refuse a value. */
const content = z.custom<string | null | TextPart[]>(
  (value) => typeof value === 'string' || value === null || (Array.isArray(value) && value.every(isTextPart)),
  {
    error: ({ input }) =>
      Array.isArray(input)
        ? 'only text parts {"type":"text","text":...} can be stored'
        : 'it is text, null or a list of text parts',
  },
);
const tokens = z.custom<readonly number[]>((value) => Array.isArray(value) && value.every(isTokenId), {
  error: 'token ids are whole numbers from 0 to 4294967295',
});
/** Kept unchanged: a copy would lose a key named __proto__, which the client refuses. */
const labels = z.custom<Record<string, string>>(
  (value) => isRecord(value) && Object.values(value).every((entry) => typeof entry === 'string'),
  { error: 'it is no object whose values are all strings' },
);
const extra = z.custom<unknown>((value) => value !== undefined && isExact(value), {
  error: 'it holds a number that JSON readers do not keep exactly',
});
const extras = z.object(Object.fromEntries(extraFields.map((field) => [field, extra.optional()]))).shape;

const messageFields = {
  role: text,
  name: text.optional(),
  tool_call_id: text.optional(),
  content: content.optional(),
  tokens: tokens.optional(),
  ...extras,
};
const lineFields = <M extends z.ZodType>(message: M) => ({
  id: text.min(1, { error: 'it is empty; without an id a conversation gets a new one' }).optional(),
  application: text.optional(),
  model: text.optional(),
  tokenizer: text.optional(),
  parent_id: text.optional(),
  expire_time: z.iso.datetime({ offset: true, error: 'it is no time like 2027-01-31T12:00:00Z' }).optional(),
  metadata: labels.optional(),
  messages: z.array(message, { error: 'it is no list of messages' }),
});

const withoutEmptyFields = <S extends z.ZodType>(schema: S) => z.preprocess(dropEmptyFields, schema);

const messageShape = withoutEmptyFields(z.object(messageFields, { error: 'it is no object' }));
const lineShape = withoutEmptyFields(z.object(lineFields(messageShape)));

/** A conversation in the form that import reads and export writes. */
export type ConversationRecord = z.infer<typeof lineShape>;
export type MessageRecord = ConversationRecord['messages'][number];

/** Fields in which null or an empty list has a meaning. */
const meaningful = new Set(['content', 'tokens', 'messages']);

function isLeftOut([field, value]: readonly [string, unknown]): boolean {
  return !meaningful.has(field) && isEmpty(value);
}

function dropEmptyFields(value: unknown): unknown {
  if (!isRecord(value)) return value;
  const entries = Object.entries(value);
  return entries.some(isLeftOut) ? Object.fromEntries(entries.filter((entry) => !isLeftOut(entry))) : value;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTextPart(value: unknown): value is TextPart {
  if (!isRecord(value) || typeof value['text'] !== 'string' || Object.keys(value).length !== 2) return false;
  return value['type'] === 'text' || value['type'] === 'input_text' || value['type'] === 'output_text';
}

function isExact(value: unknown): boolean {
  if (typeof value === 'number')
    return Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value);
  return typeof value !== 'object' || value === null || Object.values(value).every(isExact);
}

/** Error of a line that is not a conversation; the message gives the reason. */
export class BadLine extends Error {
  override readonly name = 'BadLine';

  constructor(
    message: string,
    /** The message without the numbers that belong to this line only. */
    readonly kind = message.replace(/\[\d+\]/g, '[]'),
  ) {
    super(message);
  }
}

/** Limit of the fields that a refusal names. */
const namesShownMax = 10;

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

const lineNames = new Set(Object.keys(lineFields(z.unknown())));
const messageNames = new Set(Object.keys(messageFields));

/**
 * Parses one line; undefined if it is blank. Unless `ignoreUnknown`, a field that would be lost is refused. A
 * bad line is returned, not thrown: a file may have a million of them.
 */
export function parseRecord(
  bytes: Uint8Array,
  ignoreUnknown: boolean,
): ConversationRecord | BadLine | undefined {
  return parseLine(
    lineShape,
    bytes,
    (value) => withoutMessages(value) ?? (ignoreUnknown ? undefined : lostOfLine(value)),
  );
}

/** Parses one line that is a message, in the same way. */
export function parseMessage(bytes: Uint8Array, ignoreUnknown: boolean): MessageRecord | BadLine | undefined {
  return parseLine(messageShape, bytes, (value) => (ignoreUnknown ? undefined : lostOfMessage(value)));
}

function parseLine<S extends z.ZodType>(
  schema: S,
  bytes: Uint8Array,
  refuse: (value: unknown) => BadLine | undefined,
): z.output<S> | BadLine | undefined {
  return withoutStacks(() => {
    if (!isUtf8(bytes)) return new BadLine('not UTF-8');
    const text = utf8.decode(bytes).trim();
    if (text === '') return undefined;
    const parsed = parseObject(text);
    if (parsed instanceof BadLine) return parsed;
    const result = refuse(parsed) ?? schema.safeParse(parsed);
    if (result instanceof BadLine) return result;
    return result.success ? result.data : badLine(result.error.issues[0]!);
  });
}

/** Returns the refusal of a line of another shape, with the fields that it has instead of messages. */
function withoutMessages(value: unknown): BadLine | undefined {
  if (!isRecord(value) || value['messages'] !== undefined) return undefined;
  const names = Object.keys(value);
  const has = names.length > 0 ? `; the line has ${listed(names)}` : '';
  return new BadLine(`messages: it is missing${has}`, 'messages: it is missing');
}

/**
 * Returns the refusal of the unknown fields of a line, or of its first message that has any. Asked before
 * zod, whose strict objects take twenty times as long to refuse a line.
 */
function lostOfLine(value: unknown): BadLine | undefined {
  const refused = lostFields(value, lineNames, '');
  if (refused !== undefined || !isRecord(value) || !Array.isArray(value['messages'])) return refused;
  for (const [index, message] of (value['messages'] as unknown[]).entries()) {
    const inMessage = lostFields(message, messageNames, `messages[${index}]: `);
    if (inMessage !== undefined) return inMessage;
  }
  return undefined;
}

/** Lists names of fields; of many, the first. */
function listed(names: readonly string[]): string {
  const more = names.length > namesShownMax ? ` and ${names.length - namesShownMax} more` : '';
  return `${names.slice(0, namesShownMax).map(quoted).join(', ')}${more}`;
}

function lostOfMessage(value: unknown): BadLine | undefined {
  return lostFields(value, messageNames, '');
}

function lostFields(value: unknown, known: ReadonlySet<string>, at: string): BadLine | undefined {
  if (!isRecord(value)) return undefined;
  const lost = Object.keys(value).filter((name) => !known.has(name) && !isEmpty(value[name]));
  if (lost.length === 0) return undefined;
  return new BadLine(
    `${at}${listed(lost)} would be lost; --ignore-unknown leaves such fields out`,
    'fields that would be lost',
  );
}

/**
 * Runs work without stacks in its errors: nobody needs those of a bad line, and a million of them cost ten
 * seconds.
 */
function withoutStacks<T>(work: () => T): T {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return work();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** Parses trimmed text. Most of what is no object is refused without an error of the parser. */
function parseObject(text: string): unknown {
  if (!text.startsWith('{') || !text.endsWith('}')) {
    const what = text.startsWith('{')
      ? `ends with ${quoted(text.at(-1)!)}`
      : `begins with ${quoted(text[0]!)}`;
    return new BadLine(`not a JSON object: it ${what}`, 'not a JSON object');
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    return new BadLine(`not JSON: ${(error as SyntaxError).message}`, 'not JSON');
  }
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

function badLine(issue: z.core.$ZodIssue): BadLine {
  const path = issue.path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  return new BadLine(`${path === '' ? '' : `${path.slice(1)}: `}${issue.message}`);
}
