import { createRequire } from 'node:module';
import { rewriteStripping, strip, stripName } from './stripping.js';
import { strftime } from './strftime.js';

/** A parsed template. */
type Program = object;

/** Parts of the interpreter that are used here. Node's rules do not resolve the types of its package. */
interface Jinja {
  tokenize(
    source: string,
    options: { readonly lstrip_blocks: boolean; readonly trim_blocks: boolean },
  ): object[];
  parse(tokens: object[]): Program;
  readonly Environment: new () => { set(name: string, value: unknown): unknown };
  readonly Interpreter: new (environment: object) => { run(program: Program): { readonly value: unknown } };
}

const jinja = createRequire(import.meta.url)('@huggingface/jinja') as Jinja;

/** A conversation for a template. Values are those of JSON. */
export interface TemplateInput {
  readonly source: string;
  readonly messages: readonly Readonly<Record<string, unknown>>[];
  readonly tools: readonly unknown[] | undefined;
  readonly specials: Readonly<Record<string, string>>;
  readonly addGenerationPrompt: boolean;
  /** Time of the day that templates write, since 1970: that of the conversation, not of its rendering. */
  readonly timeMs: number;
  /** True: it is to be found where each message ends. */
  readonly withEnds?: boolean;
}

export interface Rendered {
  readonly text: string;
  /** End of each message in the text, rising; empty unless asked for. The last one is the text's. */
  readonly ends: readonly number[];
}

/** Entries of a range() of a template. */
const rangeMax = 100_000;

/** Renders as renderMessages() does, and returns the text. */
export function renderTemplate(input: TemplateInput): string {
  return renderMessages(input).text;
}

/**
 * Renders as transformers does: with its settings of Jinja, its functions and its variables. Templates are
 * code of strangers, which is interpreted: it reaches nothing but these values.
 * @throws Error of the template
 */
export function renderMessages(input: TemplateInput): Rendered {
  const program = jinja.parse(jinja.tokenize(input.source, { lstrip_blocks: true, trim_blocks: true }));
  rewriteStripping(program);
  const messages = withArguments(input, (probe) => run(program, { ...input, ...probe }));
  const text = run(program, { ...input, messages });
  const render = (count: number) =>
    run(program, { ...input, messages: messages.slice(0, count), addGenerationPrompt: false });
  return { text, ends: input.withEnds ? endsOf(text, messages.length, render) : [] };
}

/**
 * Finds the end of each message: that of the longest beginning of the text that the messages up to it make.
 * Where a template refuses a part of a conversation, or has nothing of it, the message ends where the one
 * before it does.
 */
function endsOf(text: string, messages: number, render: (count: number) => string): number[] {
  const ends: number[] = [];
  let end = 0;
  for (let count = 1; count < messages; count++) {
    let part = '';
    try {
      part = render(count);
    } catch {
      // Templates refuse, for instance, a system prompt without a question.
    }
    end = Math.max(end, sharedLength(text, part));
    ends.push(end);
  }
  return messages > 0 ? [...ends, text.length] : ends;
}

function sharedLength(text: string, part: string): number {
  if (text.startsWith(part)) return part.length;
  let at = 0;
  while (at < part.length && text.charCodeAt(at) === part.charCodeAt(at)) at++;
  const isWithinPair = at > 0 && /[\ud800-\udbff]/.test(text[at - 1]!);
  return isWithinPair ? at - 1 : at;
}

function run(program: Program, input: TemplateInput): string {
  const environment = new jinja.Environment();
  const variables = {
    ...{ true: true, false: false, none: null, True: true, False: false, None: null },
    range,
    [stripName]: strip,
    raise_exception: (message?: unknown) => {
      // None is Python's word for no message.
      throw new Error(typeof message === 'string' ? message : message ? JSON.stringify(message) : 'None');
    },
    strftime_now: (format: unknown) => strftime(String(format), new Date(input.timeMs)),
    ...input.specials,
    messages: input.messages,
    tools: input.tools ?? null,
    documents: null,
    add_generation_prompt: input.addGenerationPrompt,
  };
  for (const [name, value] of Object.entries(variables)) environment.set(name, value);
  return String(new jinja.Interpreter(environment).run(program).value);
}

function range(from: number, to?: number, step = 1): number[] {
  const [start, end] = to === undefined ? [0, from] : [from, to];
  const count = step === 0 ? Infinity : Math.max(0, Math.ceil((end - start) / step));
  if (!(count <= rangeMax)) throw new Error(`range() has ${count} numbers; the limit is ${rangeMax}`);
  return Array.from({ length: count }, (_, n) => start + n * step);
}

interface ToolCall {
  readonly function?: { readonly arguments?: unknown };
}

const probeKey = 'probe_of_arguments';

/**
 * Returns the messages with the arguments of their tool calls as the template takes them. OpenAI has them as
 * a text of JSON. Most templates want the object, which inference servers give them; some want the text.
 */
function withArguments(
  { messages }: TemplateInput,
  probe: (changed: Pick<TemplateInput, 'messages' | 'tools' | 'addGenerationPrompt'>) => string,
): TemplateInput['messages'] {
  const opened = messages.map((message) => {
    const calls = message['tool_calls'];
    return Array.isArray(calls) ? { ...message, tool_calls: calls.map(opening) } : message;
  });
  if (opened.every((message, index) => message === messages[index])) return messages;
  const call = { id: 'call00001', type: 'function', function: { name: 'f', arguments: { [probeKey]: 'x' } } };
  const sample = [
    { role: 'user', content: 'x' },
    { role: 'assistant', content: '', tool_calls: [call] },
  ];
  try {
    const text = probe({ messages: sample, tools: undefined, addGenerationPrompt: false });
    return text.includes(probeKey) ? opened : messages;
  } catch {
    return messages;
  }
}

/** Returns a tool call with its arguments as an object, if they are the text of one. */
function opening(call: ToolCall): ToolCall {
  const text = call.function?.arguments;
  if (typeof text !== 'string') return call;
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? { ...call, function: { ...call.function, arguments: value } } : call;
  } catch {
    return call;
  }
}
