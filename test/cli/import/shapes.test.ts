import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  documentsOf,
  type Draft,
  formats,
  type Json,
  type JsonObject,
  OpenSession,
  readDocument,
  sessionShapeOf,
} from '../../../src/cli/import/shapes/index.js';
import { samples } from './samples/index.js';

const read = (document: Json, format?: string) =>
  readDocument(document, JSON.stringify(document), { format });

/** Returns what export writes of a draft, after everything has been JSON once. */
function rendered(draft: Draft): Json[] {
  const { spec, format, document, messages } = JSON.parse(JSON.stringify(draft)) as Draft;
  const known = {
    id: spec.id ?? 'made',
    application: spec.application ?? '',
    model: spec.model ?? '',
    tokenizer: spec.tokenizer ?? '',
    parent_id: spec.parentId ?? '',
    expire_time: '',
    metadata: spec.metadata ?? {},
  };
  return JSON.parse(JSON.stringify(documentsOf(format, document, known, messages))) as Json[];
}

/** Returns all objects of a value, itself too. */
function objectsIn(value: Json): JsonObject[] {
  if (typeof value !== 'object' || value === null) return [];
  const inner = Object.values(value as JsonObject).flatMap(objectsIn);
  return Array.isArray(value) ? inner : [value as JsonObject, ...inner];
}

/** Returns a value with more keys in one of its objects. */
function withInside(value: Json, object: JsonObject, inside: JsonObject): Json {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item: Json) => withInside(item, object, inside));
  const own = Object.entries(value as JsonObject).map(([key, item]) => [
    key,
    withInside(item, object, inside),
  ]);
  const made = Object.fromEntries(own) as JsonObject;
  return value === object ? { ...inside, ...made } : made;
}

/** Shapes of which a line is a part of a conversation: tests of their own read them. */
const sessions = ['claude-code', 'codex', 'pi', 'cursor', 'openai-stream', 'sillytavern'] as const;

describe('the table of shapes', () => {
  it('reads code in a mapping, which has no parts', () => {
    const message = { author: { role: 'assistant' }, content: { content_type: 'code', text: 'print(1)' } };
    const document = { id: 'x', mapping: { a: { message, parent: null } } };
    const draft = read(document);
    expect(draft).toMatchObject({ messages: [{ role: 'assistant', content: 'print(1)' }] });
    expect(rendered(draft)).toEqual([document]);
  });

  it('reads a mapping in which a message was left out', () => {
    const message = { author: { role: 'user' }, content: { parts: ['Hi'] } };
    const mapping = { a: { message, parent: null }, b: null, c: 'none' };
    const document = { id: 'x', mapping };
    const draft = read(document);
    expect(draft).toMatchObject({ format: 'chatgpt', messages: [{ role: 'user', content: 'Hi' }] });
    expect(rendered(draft)).toEqual([document]);
  });

  it('looks for a message in a list of many odd items once', () => {
    const document = { messages: [...Array<null>(100_000).fill(null), { role: 'user', content: 'Hi' }] };
    expect(read(document).messages).toHaveLength(100_001);
  });

  it.each(samples.map((sample) => [sample.format, sample] as const))('reads %s', (format, sample) => {
    const draft = read(sample.document);
    expect(draft.format).toBe(format);
    const said = draft.messages.map(({ role, content }) => `${role}: ${String(content)}`);
    expect(said).toEqual(
      sample.messages.map((message, index) => (message.endsWith('*') ? said[index] : message)),
    );
    expect({ id: draft.spec.id, model: draft.spec.model }).toEqual({ id: sample.id, model: sample.model });
    expect(rendered(draft)).toEqual([sample.document]);
  });

  it('has a sample of every shape', () => {
    const shown = new Set([...samples.map(({ format }) => format), ...sessions]);
    expect(formats.filter(({ name }) => !shown.has(name))).toEqual([]);
  });

  it('keeps long data out of the text, and gives it back', () => {
    const url = `data:image/png;base64,${'iVBORw0KGgo'.repeat(100)}`;
    const document = {
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'See' },
            { type: 'image_url', image_url: { url } },
          ],
        },
      ],
    };
    const draft = read(document);
    expect(draft.messages[0]!.content).toMatch(/"url":"image\/png:sha256:[0-9a-f]{64}"/);
    expect(rendered(draft)).toEqual([document]);
  });

  it('says half a surrogate pair as U+FFFD, and keeps it', () => {
    const document = { messages: [{ role: 'user', content: 'half \ud83d of a smile' }] };
    const draft = read(document);
    expect(draft.messages[0]!.content).toBe('half \ufffd of a smile');
    expect(rendered(draft)).toEqual([document]);
  });

  it('gives back whatever is beside the messages, of every shape', () => {
    const more = fc.dictionary(
      fc.oneof(fc.string(), fc.constantFrom('$stowken', '$$stowken', '__proto__x', 'usage', 'weight')),
      fc.jsonValue(),
      { noNullPrototype: true },
    );
    const objects = samples.filter(({ document }) => !Array.isArray(document));
    fc.assert(
      fc.property(fc.constantFrom(...objects), more, ({ document }, beside) => {
        const together = JSON.parse(JSON.stringify({ ...beside, ...(document as JsonObject) })) as Json;
        let draft;
        try {
          draft = read(together);
        } catch (error) {
          // A key may make it another shape, which must say so; nothing may be read wrong.
          expect((error as Error).name).toBe('BadLine');
          return;
        }
        expect(rendered(draft)).toEqual([together]);
      }),
      { numRuns: 400 },
    );
  });

  it('gives back whatever is in a message, or anywhere else in a line, of every shape', () => {
    const more = fc.dictionary(fc.string({ minLength: 1 }), fc.jsonValue(), {
      maxKeys: 3,
      noNullPrototype: true,
    });
    fc.assert(
      fc.property(fc.constantFrom(...samples), more, fc.nat(), ({ document }, inside, at) => {
        const objects = objectsIn(document);
        if (objects.length === 0) return;
        const changed = withInside(document, objects[at % objects.length]!, inside as JsonObject);
        const together = JSON.parse(JSON.stringify(changed)) as Json;
        let draft;
        try {
          draft = read(together);
        } catch (error) {
          expect((error as Error).name).toBe('BadLine');
          return;
        }
        expect(rendered(draft)).toEqual([together]);
      }),
      { numRuns: 1000 },
    );
  });

  it('gives back messages with any fields and contents', () => {
    const part = fc.oneof(
      fc.record({ type: fc.constant('text'), text: fc.string({ unit: 'binary' }) }),
      fc.record({ type: fc.constantFrom('image_url', 'tool_use', 'x'), value: fc.jsonValue() }),
    );
    const content = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constant(null),
      fc.array(part),
      fc.jsonValue(),
    );
    const message = fc.record(
      {
        role: fc.string(),
        content,
        name: fc.oneof(fc.string(), fc.constant(null)),
        tool_call_id: fc.string(),
        tool_calls: fc.oneof(fc.constant(null), fc.array(fc.jsonValue(), { maxLength: 2 })),
        reasoning: fc.jsonValue(),
        usage: fc.jsonValue(),
      },
      { requiredKeys: ['role', 'content'], noNullPrototype: true },
    );
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 4 }), (messages) => {
        const json = JSON.stringify({ messages });
        fc.pre(!/\d{16}|e\+/.test(json)); // Numbers that are not exact are refused.
        const document = JSON.parse(json) as Json;
        expect(rendered(read(document))).toEqual([document]);
      }),
      { numRuns: 400 },
    );
  });
});

describe('sessions', () => {
  const session = (events: readonly JsonObject[]) => {
    const open = new OpenSession(sessionShapeOf(events[0]!, {})!);
    for (const event of events) expect(open.add(event)).toBe(true);
    return open.finish();
  };

  it('of Claude Code are one conversation, which gives back its events', () => {
    const events = [
      { type: 'summary', summary: 'S', leafUuid: 'u2' },
      { type: 'user', uuid: 'u1', sessionId: 's1', message: { role: 'user', content: 'List' } },
      { type: 'system', uuid: 'u3', sessionId: 's1', content: 'hook' },
      {
        type: 'assistant',
        uuid: 'u2',
        sessionId: 's1',
        message: {
          role: 'assistant',
          model: 'c',
          content: [{ type: 'tool_use', id: 't', name: 'B', input: {} }],
        },
      },
      { type: 'file-history-snapshot', snapshot: {} },
    ];
    const draft = session(events);
    expect(draft).toMatchObject({ format: 'claude-code', spec: { id: 's1', model: 'c' } });
    expect(draft.messages.map(({ role }) => role)).toEqual(['user', 'assistant']);
    expect(rendered(draft)).toEqual(events);
    const other = new OpenSession(sessionShapeOf(events[1]!, {})!);
    other.add(events[1]!);
    expect(other.add({ ...events[1]!, sessionId: 's2' })).toBe(false);
  });

  it('of Codex are one conversation, which gives back its events', () => {
    const events = [
      { timestamp: 't', type: 'session_meta', payload: { id: 'cx', instructions: null } },
      { timestamp: 't', type: 'turn_context', payload: { model: 'gpt-5' } },
      {
        timestamp: 't',
        type: 'response_item',
        payload: { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hi' }] },
      },
      { timestamp: 't', type: 'event_msg', payload: { type: 'token_count' } },
      {
        timestamp: 't',
        type: 'response_item',
        payload: { type: 'function_call', name: 'shell', arguments: '{}', call_id: 'c' },
      },
    ];
    const draft = session(events);
    expect(draft).toMatchObject({ format: 'codex', spec: { id: 'cx', model: 'gpt-5' } });
    expect(draft.messages.map(({ role }) => role)).toEqual(['user', 'assistant']);
    expect(rendered(draft)).toEqual(events);
  });
});

describe('refusals', () => {
  it.each<[string, Json, string | undefined, RegExp]>([
    [
      'an unknown shape',
      { a: 1, b: 2 },
      undefined,
      /no messages in a shape that is known; the line has "a", "b"/,
    ],
    ['no list of messages', { messages: 1 }, undefined, /^messages: it is no list of messages$/],
    ['a message that is none', { messages: [1] }, undefined, /^messages\[0\]: it is no object$/],
    [
      'a message without a role',
      { messages: [{ content: 'a' }] },
      undefined,
      /^messages\[0\]: it has no role$/,
    ],
    ['another shape than named', { text: 'a' }, 'sharegpt', /^it is not sharegpt .*; it seems to be text$/],
    ['a number beyond JSON', { messages: [], n: 2 ** 60 }, undefined, /not keep exactly/],
    ['a list of other things', [1], undefined, /not a JSON object/],
  ])('name %s', (_what, document, format, reason) => {
    expect(() => read(document, format)).toThrow(reason);
  });
});
