import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import { isTokenId } from '../../client/index.js';
import { extraFields, isEmpty } from './envelope.js';

const textPart = z.strictObject(
  { type: z.enum(['text', 'input_text', 'output_text']), text: z.string() },
  { error: 'only text parts can be stored' },
);
const content = z.union([z.string(), z.null(), z.array(textPart)], {
  error: ({ input }) =>
    Array.isArray(input)
      ? 'only text parts {"type":"text","text":...} can be stored'
      : 'it is text, null or a list of text parts',
});
const tokens = z.custom<readonly number[]>((value) => Array.isArray(value) && value.every(isTokenId), {
  error: 'token ids are whole numbers from 0 to 4294967295',
});
/** Kept unchanged: a copy would lose a key named __proto__, which the client refuses. */
const labels = z.custom<Record<string, string>>(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((entry) => typeof entry === 'string'),
  { error: 'metadata is an object whose values are all strings' },
);
const extra = z.custom<unknown>((value) => value !== undefined && isExact(value), {
  error: 'it holds a number that JSON readers do not keep exactly',
});
const extras = z.object(Object.fromEntries(extraFields.map((field) => [field, extra.optional()]))).shape;

const messageFields = {
  role: z.string(),
  name: z.string().optional(),
  tool_call_id: z.string().optional(),
  content: content.optional(),
  tokens: tokens.optional(),
  ...extras,
};
const lineFields = <M extends z.ZodType>(message: M) => ({
  id: z.string().min(1).optional(),
  application: z.string().optional(),
  model: z.string().optional(),
  tokenizer: z.string().optional(),
  parent_id: z.string().optional(),
  expire_time: z.iso.datetime({ offset: true }).optional(),
  metadata: labels.optional(),
  messages: z.array(message),
});

const withoutEmptyFields = <S extends z.ZodType>(schema: S) => z.preprocess(dropEmptyFields, schema);

const strictLine = withoutEmptyFields(
  z.strictObject(lineFields(withoutEmptyFields(z.strictObject(messageFields)))),
);
const looseLine = withoutEmptyFields(z.object(lineFields(withoutEmptyFields(z.object(messageFields)))));

/** A conversation in the form that import reads and export writes. */
export type ConversationRecord = z.infer<typeof strictLine>;
export type MessageRecord = ConversationRecord['messages'][number];

/** Fields in which null or an empty list has a meaning. */
const meaningful = new Set(['content', 'tokens', 'messages']);

function dropEmptyFields(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).filter(([field, entry]) => meaningful.has(field) || !isEmpty(entry)),
  );
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

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

const strictMessage = withoutEmptyFields(z.strictObject(messageFields));
const looseMessage = withoutEmptyFields(z.object(messageFields));

/**
 * Parses one line; undefined if it is blank. Unless `ignoreUnknown`, a field that would be lost is refused. A
 * bad line is returned, not thrown: a file may have a million of them.
 */
export function parseRecord(
  bytes: Uint8Array,
  ignoreUnknown: boolean,
): ConversationRecord | BadLine | undefined {
  return parseLine(ignoreUnknown ? looseLine : strictLine, bytes);
}

/** Parses one line that is a message, in the same way. */
export function parseMessage(bytes: Uint8Array, ignoreUnknown: boolean): MessageRecord | BadLine | undefined {
  return parseLine(ignoreUnknown ? looseMessage : strictMessage, bytes);
}

function parseLine<S extends z.ZodType>(schema: S, bytes: Uint8Array): z.output<S> | BadLine | undefined {
  return withoutStacks(() => {
    if (!isUtf8(bytes)) return new BadLine('not UTF-8');
    const text = utf8.decode(bytes).trim();
    if (text === '') return undefined;
    const parsed = parseObject(text);
    if (parsed instanceof BadLine) return parsed;
    const result = schema.safeParse(parsed);
    return result.success ? result.data : badLine(result.error.issues[0]!);
  });
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

function quoted(letter: string): string {
  return JSON.stringify(letter);
}

function badLine(issue: z.core.$ZodIssue): BadLine {
  const path = issue.path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  const at = path === '' ? '' : `${path.slice(1)}: `;
  if (issue.code !== 'unrecognized_keys') return new BadLine(`${at}${issue.message}`);
  const names = issue.keys.map((key) => JSON.stringify(key)).join(', ');
  return new BadLine(
    `${at}${names} would be lost; --ignore-unknown leaves such fields out`,
    'fields that would be lost',
  );
}
