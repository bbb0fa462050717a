/** A parsed template: plain objects with a type. */
export type Program = object;

interface ForNode {
  readonly type: 'For';
  readonly loopvar: { readonly type: string; readonly value: unknown };
  readonly body: object[];
}

/** Key of a message under which a marked template finds its mark: none that a template can name. */
const markKey = ' end';
/** Letters for private use that stand around a message's number: a text that has them is not marked. */
const [before, after] = ['\u{10fff0}', '\u{10fff1}'];
const marks = new RegExp(`${before}(\\d+)${after}`, 'g');

/** Messages up to which every beginning of them is rendered. */
const renderedMax = 48;
/** Beginnings of messages of one kind that marks are compared with. */
const comparedPerKind = 2;
const comparedMax = 24;

export interface Rendering {
  /** The whole prompt. */
  readonly text: string;
  readonly messages: readonly Readonly<Record<string, unknown>>[];
  /** Renders the first messages. */
  readonly render: (count: number) => string;
  /** Renders all of them, marked, with a template that writes marks. */
  readonly renderMarked: (messages: Rendering['messages']) => string;
}

/**
 * Finds the end of each message: that of the longest beginning of the text that the messages up to it make.
 * Where a template refuses a part of a conversation, or has nothing of it, the message ends where the one
 * before it does.
 *
 * Beginnings take time that grows with the square of their number. So a long conversation is rendered once
 * more with a mark behind each turn of a loop over messages. If the text is the same without the marks, and
 * they stand at the ends of those beginnings that are rendered, some of each kind, then they are the ends.
 */
export function messageEnds(rendering: Rendering): number[] {
  const { text, messages } = rendering;
  const count = messages.length;
  if (count === 0) return [];
  const marked = count > renderedMax ? markedEnds(rendering) : undefined;
  if (marked !== undefined && areEnds(rendering, marked)) return [...marked.slice(0, -1), text.length];
  const ends: number[] = [];
  for (let index = 0; index + 1 < count; index++)
    ends.push(Math.max(ends.at(-1) ?? 0, endAfter(rendering, index) ?? 0));
  return [...ends, text.length];
}

/** True if marks stand at the ends of those beginnings that are rendered. */
function areEnds(rendering: Rendering, marked: readonly number[]): boolean {
  const compared = samples(rendering.messages).flatMap((index) => {
    const end = endAfter(rendering, index);
    return end === undefined ? [] : [end === marked[index]];
  });
  return compared.length > 0 && compared.every((isSame) => isSame);
}

/**
 * Returns the end of a message by the text that it and those before it make; undefined if the template
 * refuses them.
 */
function endAfter({ text, render }: Rendering, index: number): number | undefined {
  try {
    return sharedLength(text, render(index + 1));
  } catch {
    // For instance a system prompt without a question.
    return undefined;
  }
}

function sharedLength(text: string, part: string): number {
  if (text.startsWith(part)) return part.length;
  let at = 0;
  while (at < part.length && text.charCodeAt(at) === part.charCodeAt(at)) at++;
  const isWithinPair = at > 0 && /[\ud800-\udbff]/.test(text[at - 1]!);
  return isWithinPair ? at - 1 : at;
}

/** Returns the ends by marks; undefined if the template, or a message, does not bear them. */
function markedEnds({ text, messages, renderMarked }: Rendering): number[] | undefined {
  if (text.includes(before)) return undefined;
  let marked: string;
  try {
    marked = renderMarked(
      messages.map((message, index) => ({ ...message, [markKey]: `${before}${index}${after}` })),
    );
  } catch {
    return undefined;
  }
  const ends = new Array<number>(messages.length).fill(0);
  let plain = '';
  let from = 0;
  for (const { 0: mark, 1: index, index: at } of marked.matchAll(marks)) {
    plain += marked.slice(from, at);
    from = at + mark.length;
    // The last of several marks of a message is behind all of it.
    ends[Number(index)] = plain.length;
  }
  if (plain + marked.slice(from) !== text) return undefined;
  for (let index = 1; index < ends.length; index++) ends[index] = Math.max(ends[index]!, ends[index - 1]!);
  return ends;
}

/** Returns messages of which the ends are compared: the first and the last ones of each kind. */
function samples(messages: Rendering['messages']): number[] {
  const kinds = new Map<string, number[]>();
  for (let index = 0; index + 1 < messages.length; index++) {
    const kind = [index - 1, index, index + 1].map((at) => kindOf(messages[at])).join();
    const those = kinds.get(kind);
    if (those === undefined) kinds.set(kind, [index]);
    else if (those.length < comparedPerKind) those.push(index);
    else those[comparedPerKind - 1] = index;
  }
  return [...kinds.values()].flat().slice(0, comparedMax);
}

function kindOf(message: Rendering['messages'][number] | undefined): string {
  return message === undefined ? '' : `${String(message['role'])}${'tool_calls' in message ? '+' : ''}`;
}

/**
 * Makes every loop write the mark of what it is at, behind each turn. `parse` parses a template. Changes the
 * program.
 */
export function writeMarks(node: unknown, parse: (source: string) => Program): void {
  if (Array.isArray(node)) {
    for (const each of node) writeMarks(each, parse);
    return;
  }
  if (typeof node !== 'object' || node === null || node instanceof Map) return;
  for (const value of Object.values(node)) writeMarks(value, parse);
  if ((node as { type?: unknown }).type !== 'For') return;
  const { loopvar, body } = node as ForNode;
  if (loopvar.type !== 'Identifier') return;
  const name = String(loopvar.value);
  const mark = parse(`{{ ${name}['${markKey}'] if ${name} is mapping else '' }}`) as { body: object[] };
  body.push(...mark.body);
}
