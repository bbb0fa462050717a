import { createRequire } from 'node:module';
import { messageEnds, type Program, type Rendering, writeMarks } from './message-ends.js';
import { parseForPython, withPlainNumbers, withStandIns } from './python-numbers.js';
import { rewriteStripping, strip, stripName } from './stripping.js';
import { strftime } from './strftime.js';

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
  const rendering = renderingOf(input);
  return { text: rendering.text, ends: input.withEnds ? messageEnds(rendering) : [] };
}

/** Renders all messages, and gives functions that render them otherwise. */
export function renderingOf(input: TemplateInput): Rendering {
  const program = parse(input.source);
  const messages = withArguments(input, (probe) => run(program, { ...input, ...probe }));
  const kept = { messages, tools: input.tools };
  const simple = renderingWith(program, { ...input, ...withPlainNumbers(kept) }, (text) => text);
  const numbered = withStandIns(kept);
  if (numbered === undefined) return simple;
  const { value, restore } = numbered;
  const exact = renderingWith(program, { ...input, ...value }, restore);
  // A template that does more with numbers than write them gets those of JavaScript.
  const same = restore(run(program, { ...input, ...value }), (text) => String(Number(text))) === simple.text;
  return same ? exact : simple;
}

/** `finish`: what is done to a text that was rendered. */
function renderingWith(program: Program, input: TemplateInput, finish: (text: string) => string): Rendering {
  const { messages } = input;
  return {
    text: finish(run(program, input)),
    messages,
    render: (count) =>
      finish(run(program, { ...input, messages: messages.slice(0, count), addGenerationPrompt: false })),
    renderMarked: (marked) => {
      const writing = parse(input.source);
      writeMarks(writing, parse);
      return finish(run(writing, { ...input, messages: marked }));
    },
  };
}

function parse(source: string): Program {
  const program = jinja.parse(jinja.tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
  rewriteStripping(program);
  return program;
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
    const value = parseForPython(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? { ...call, function: { ...call.function, arguments: value } } : call;
  } catch {
    return call;
  }
}
