import { describe, expect, it } from 'vitest';
import { jsonLines } from '../support/stowken.js';
import { importServer, lines } from './support.js';

const { run, same } = importServer();

describe('rows, and lines that say little', () => {
  it('keeps lines that have fields and no message', async () => {
    const sent = [
      { custom_id: 'failed', response: null, error: { code: 'rate_limit' } },
      { id: 'none', model: 'gpt-4o', tools: [{ name: 'f' }], messages: [] },
    ];
    const [first] = jsonLines((await run(['import', '--json', '-'], lines(sent))).stdout);
    expect(first).toMatchObject({ stored: 2, failed: 0 });
    expect(await same()).toEqual(expect.arrayContaining(sent));
    const [again] = jsonLines((await run(['import', '--json', '-'], lines(sent))).stdout);
    expect(again).toMatchObject({ stored: 0, unchanged: 2, failed: 0 });
    const later = { ...sent[0], error: { code: 'other' } };
    await run(['import', '-'], lines([later]));
    expect(await same('--id-prefix', 'failed')).toEqual([later]);
    await run(['delete', '--all']);
  });

  it('stores rows of one id beside each other, once', async () => {
    const sent: object[] = [
      { id: 'q1', prompt: 'a', completion: 'b', metadata: { n: '1' } },
      { id: 'q1', prompt: 'a', completion: 'c', metadata: { n: '2' } },
      { id: 2, messages: [{ role: 'user', content: 'a' }] },
      { id: 2, messages: [{ role: 'user', content: 'b' }] },
      { id: 'chat', messages: [{ role: 'user', content: 'a' }] },
      { id: 'chat', messages: [{ role: 'user', content: 'b' }], model: 'gpt-4o' },
    ];
    sent.push({ ...sent[0]!, metadata: { n: '3' } });
    const [first] = jsonLines((await run(['import', '--json', '-'], lines(sent))).stdout);
    expect(first).toMatchObject({ stored: 7, beside: 4, unchanged: 0, failed: 0 });
    expect(await same()).toEqual(expect.arrayContaining(sent));
    const again = await run(['import', '--json', '-'], lines(sent));
    expect(jsonLines(again.stdout)).toMatchObject([{ stored: 0, unchanged: 7, failed: 0 }]);
    // An id that came before, of a chat, is that chat's.
    const other = { id: 'chat', messages: [{ role: 'user', content: 'c' }] };
    const [refused] = jsonLines((await run(['import', '--json', '-'], lines([other]))).stdout);
    expect(refused).toMatchObject({ stored: 0, failed: 1, failures: [{ reason: 'CONVERSATION_EXISTS' }] });
    const strict = await run(['import', '--json', '--on-conflict', 'fail', '-'], lines(sent));
    expect(jsonLines(strict.stdout)).toMatchObject([{ stored: 0 }]);
    const { stdout } = await run(['import', '-'], lines([{ id: 2, prompt: 'x', completion: 'y' }]));
    expect(stdout).toContain('stored 1 conversation under ids like ID~1f0c9a');
    await run(['delete', '--all']);
  });

  it('gives back a line that has nothing but an empty list', async () => {
    const sent = [{ messages: [] }, { messages: [], error: null }];
    await run(['import', '-'], lines(sent));
    expect(await same()).toEqual(expect.arrayContaining(sent));
    await run(['delete', '--all']);
  });

  it('keeps records that say nothing among others of their kind', async () => {
    const sent = [
      { step: 1, note: 'It has more than four words.' },
      { step: 2, note: null },
      { step: 3, note: '' },
    ];
    const other = { step: 4, loss: 0.5 };
    const first = await run(['import', '--json', '-'], lines([...sent, other]));
    expect(jsonLines(first.stdout)).toMatchObject([
      { stored: 3, failed: 1, formats: { texts: 1, record: 2 } },
    ]);
    expect(first.stderr).toContain('measurements: leave the file out');
    expect(await same()).toEqual(expect.arrayContaining(sent));
    await run(['delete', '--all']);
    const events = [
      ['event', { part: { type: 'text', text: 'Here is what I found.' } }],
      ['event', { status: 'idle' }],
    ];
    await run(['import', '-'], lines(events));
    expect(await same()).toEqual(expect.arrayContaining(events));
    await run(['delete', '--all']);
  });

  it('keeps records among lines of two hundred kinds', async () => {
    const said = Array.from({ length: 200 }, (_, n) => ({
      [`field_${n}`]: n,
      note: 'It has more than four words.',
    }));
    const silent = { field_199: 1, note: null };
    const first = await run(['import', '--json', '-'], lines([...said, silent]));
    expect(jsonLines(first.stdout)).toMatchObject([
      { stored: 201, failed: 0, formats: { texts: 200, record: 1 } },
    ]);
    await run(['delete', '--all']);
  });

  it('keeps records before the first of their kind and after many, and stores them once', async () => {
    const failed = { id: 'r', request: null, error: 'timeout' };
    const begin = [failed, ...Array.from({ length: 1500 }, () => ({ ...failed, id: 'x', error: 'refused' }))];
    const said = { id: 'r', request: { messages: [{ role: 'user', content: 'Hi' }] }, error: null };
    const end = [{ ...failed, id: 'y' }, { state: 'idle' }, failed];
    const file = lines([...begin, said, ...end]);
    const first = await run(['import', '--json', '-'], file);
    expect(jsonLines(first.stdout)).toMatchObject([
      // A thousand lines wait for one that says something.
      { stored: 1003, failed: 502, unchanged: 0, formats: { nested: 1, record: 1002 } },
    ]);
    expect(await same()).toEqual(expect.arrayContaining([failed, said, { ...failed, id: 'y' }]));
    const again = await run(['import', '--json', '-'], file);
    expect(jsonLines(again.stdout)).toMatchObject([{ stored: 0, unchanged: 1003, failed: 502 }]);
    await run(['delete', '--all']);
  });

  it('refuses settings that are alone in their file, and takes rows with such texts', async () => {
    const settings = { name: 'x', description: 'It serves what was stored before.' };
    const alone = await run(['import', '--json', '-'], lines([settings]));
    expect(jsonLines(alone.stdout)).toMatchObject([{ stored: 0, failed: 1 }]);
    const said = { input: { content: '2+2' }, references: [{ output: { content: '4' } }] };
    const short = await run(['import', '--json', '-'], lines([said]));
    expect(jsonLines(short.stdout)).toMatchObject([{ stored: 1, failed: 0, formats: { texts: 1 } }]);
    expect(await same()).toEqual([said]);
    await run(['delete', '--all']);
    const rows = [settings, { ...settings, name: 'y', level: 'B1' }];
    const several = await run(['import', '--json', '-'], lines(rows));
    expect(jsonLines(several.stdout)).toMatchObject([{ stored: 2, failed: 0 }]);
    expect(await same()).toEqual(expect.arrayContaining(rows));
    await run(['delete', '--all']);
  });

  it('keeps events of a log, and lines that have some of the keys of others', async () => {
    const sent = [
      { type: 'started', key: 'k1', agentId: 'a1' },
      { type: 'result', key: 'k1', agentId: 'a1', result: 'Both pages were read; one is old.' },
      { event: 'launched', user_id: 'u' },
      { event: 'said', text: 'There is more to see here.' },
    ];
    const other = { key: 'k1' };
    const first = await run(['import', '--json', '-'], lines([...sent, other]));
    expect(jsonLines(first.stdout)).toMatchObject([{ stored: 4, failed: 1, formats: { record: 2 } }]);
    expect(await same()).toEqual(expect.arrayContaining(sent));
    await run(['delete', '--all']);
  });

  it('reads the chunks of a streamed answer as one message, and gives each back', async () => {
    const chunk = (id: string, delta: object, more: object = {}) => ({
      ...{ id, object: 'chat.completion.chunk', created: 1, model: 'gpt-4o' },
      choices: [{ index: 0, delta, finish_reason: null, ...more }],
    });
    const first = [
      { id: '', object: 'chat.completion.chunk', model: '', choices: [], prompt_filter_results: [] },
      chunk('c1', { role: 'assistant', content: '' }),
      ...['Yes', ',', ' yes', ',', ' yes', '\ud83d', '\ude00', '.'].map((content) =>
        chunk('c1', { content }),
      ),
      chunk('c1', { tool_calls: [{ index: 0, function: { arguments: '{' } }] }),
      chunk('c1', {}, { finish_reason: 'stop' }),
    ];
    const sent = [...first, chunk('c2', { content: 'No', $stowken: ['slice', 0, 1] }), chunk('c3', {})];
    const [counts] = jsonLines((await run(['import', '--json', '-'], lines(sent))).stdout);
    expect(counts).toMatchObject({ stored: 3, failed: 0, formats: { 'openai-stream': 3 } });
    expect(await same('--id-prefix', 'c1')).toEqual(first);
    expect(await same()).toEqual(expect.arrayContaining(sent));
    const [said] = jsonLines((await run(['export', '--id-prefix', 'c1'])).stdout);
    expect(said).toMatchObject({
      model: 'gpt-4o',
      messages: [{ role: 'assistant', content: 'Yes, yes, yes.' }],
    });
    const [again] = jsonLines((await run(['import', '--json', '-'], lines(sent))).stdout);
    expect(again).toMatchObject({ stored: 0, unchanged: 3 });
    await run(['delete', '--all']);
  });

  it('gives back a session without messages as it came', async () => {
    const events = [
      { timestamp: '2026-01-01T00:00:00Z', type: 'session_meta', payload: { id: 's', cwd: '/w' } },
      {
        timestamp: '2026-01-01T00:00:01Z',
        type: 'event_msg',
        payload: { type: 'user_message', message: 'Hi' },
      },
    ];
    await run(['import', '-'], lines(events));
    expect(await same()).toEqual(events);
    await run(['delete', '--all']);
  });

  it('reads streams that mingle as one conversation each, with other lines between', async () => {
    const chunk = (id: string, delta: object) => ({
      ...{ id, object: 'chat.completion.chunk', model: 'gpt-4o' },
      choices: [{ index: 0, delta }],
    });
    const chat = { id: 'chat', messages: [{ role: 'user', content: 'Hi' }] };
    const unnamed = chunk('', { content: 'Nobody' });
    const a = [chunk('a', { role: 'assistant', content: '' }), chunk('a', { content: 'One' })];
    const b = [chunk('b', { role: 'assistant', content: '' }), chunk('b', { content: 'Two' })];
    const sent = [a[0]!, b[0]!, chat, a[1]!, unnamed, b[1]!, chunk('a', {}), chunk('b', {})];
    const [counts] = jsonLines((await run(['import', '--json', '-'], lines(sent))).stdout);
    expect(counts).toMatchObject({ stored: 4, unchanged: 0, failed: 0 });
    expect(await same('--id-prefix', 'a')).toEqual([...a, chunk('a', {})]);
    expect(await same('--id-prefix', 'b')).toEqual([...b, chunk('b', {})]);
    expect(await same()).toHaveLength(sent.length);
    const [again] = jsonLines((await run(['import', '--json', '-'], lines(sent))).stdout);
    expect(again).toMatchObject({ stored: 1, unchanged: 3, failed: 0 });
    await run(['delete', '--all']);
  });

  it('reads streams with numbers as ids, and others of an id that had ended, as one conversation each', async () => {
    const chunk = (id: number | string | null, content: string, finish_reason: string | null = null) => ({
      ...{ id, object: 'chat.completion.chunk', model: 'gpt-4o' },
      choices: [{ index: 0, delta: { role: 'assistant', content }, finish_reason }],
    });
    const usage = { id: 'a', object: 'chat.completion.chunk', choices: [], usage: { total_tokens: 3 } };
    const sent = [
      ...[chunk(1, 'One'), chunk(2, 'Two'), chunk(1, ' and'), chunk(2, ' or')],
      ...[chunk('a', 'The first', 'stop'), usage, chunk('a', 'The'), chunk('a', ' second', 'stop'), usage],
      ...[chunk(null, 'Unnamed', 'stop'), chunk(null, 'Another', 'stop')],
    ];
    const [counts] = jsonLines((await run(['import', '--json', '-'], lines(sent))).stdout);
    expect(counts).toMatchObject({ stored: 6, beside: 1, failed: 0, formats: { 'openai-stream': 6 } });
    const said = jsonLines((await run(['export'])).stdout) as { messages: { content: string }[] }[];
    const { stdout } = await run(['import', '-'], lines(sent.slice(4, 9)));
    expect(stdout).toMatch(/^stored 0 conversations, unchanged 2,/);
    expect(stdout).not.toContain('under ids like');
    expect(said.map(({ messages }) => messages[0]!.content).sort()).toEqual(
      ['Another', 'One and', 'The first', 'The second', 'Two or', 'Unnamed'].sort(),
    );
    const given = await same();
    expect(given).toEqual(expect.arrayContaining(sent));
    expect(given).toHaveLength(sent.length);
    await run(['delete', '--all']);
  });

  it('reads a line without an id behind a stream that has ended', async () => {
    const choice = { index: 0, delta: { role: 'assistant', content: 'One' }, finish_reason: 'stop' };
    const sent = [
      { id: 'a', object: 'chat.completion.chunk', choices: [choice] },
      { messages: [{ role: 'user', content: 'Hi' }] },
      { role: 'user', content: 'Again' },
    ];
    const [counts] = jsonLines((await run(['import', '--json', '-'], lines(sent))).stdout);
    expect(counts).toMatchObject({ stored: 3, failed: 0 });
    expect(await same()).toEqual(expect.arrayContaining(sent));
    await run(['delete', '--all']);
  });

  it('reads each session of pi as one conversation, and each transcript of Cursor', async () => {
    const at = '2026-01-02T03:04:05Z';
    const session = (id: string, said: string) => [
      { type: 'session', version: 3, id, timestamp: at, cwd: '/work' },
      {
        type: 'message',
        id: 'a',
        parentId: null,
        timestamp: at,
        message: { role: 'user', content: 'Begin' },
      },
      { type: 'model_change', id: 'b', parentId: 'a', timestamp: at, modelId: 'gpt-4o' },
      {
        ...{ type: 'message', id: 'c', parentId: 'b', timestamp: at },
        message: {
          role: 'assistant',
          content: [{ type: 'text', text: said }],
          model: 'gpt-4o',
          usage: { input: 1 },
        },
      },
    ];
    const transcript = [
      { role: 'user', message: { content: [{ type: 'text', text: 'List files' }] } },
      { role: 'assistant', message: { content: [{ type: 'tool_use', name: 'ls', input: {} }] } },
      { type: 'turn_ended', status: 'success' },
    ];
    const sent = [...session('one', 'Done'), ...session('two', 'Did'), ...transcript];
    const [counts] = jsonLines((await run(['import', '--json', '-'], lines(sent))).stdout);
    expect(counts).toMatchObject({ stored: 3, failed: 0, formats: { pi: 2, cursor: 1 } });
    const [said] = jsonLines((await run(['export', '--id-prefix', 'one'])).stdout);
    expect(said).toMatchObject({
      id: 'one',
      model: 'gpt-4o',
      messages: [{ content: 'Begin' }, { content: 'Done' }],
    });
    const given = await same();
    expect(given).toEqual(expect.arrayContaining(sent));
    expect(given).toHaveLength(sent.length);
    const [again] = jsonLines((await run(['import', '--json', '-'], lines(sent.slice(0, 8)))).stdout);
    expect(again).toMatchObject({ stored: 0, unchanged: 2 });
    await run(['delete', '--all']);
  });

  it('keeps the head of a file that says nothing, and refuses such a line elsewhere', async () => {
    const head = { schema_version: 'v1', agent: { name: 'x' } };
    const event = (step_id: number) => ({ step_id, source: 'agent', message: 'Something is said' });
    const sent = [head, event(1), event(2)];
    const [counts] = jsonLines((await run(['import', '--json', '-'], lines(sent))).stdout);
    expect(counts).toMatchObject({ stored: 3, failed: 0, formats: { record: 1, event: 2 } });
    expect(await same()).toEqual(expect.arrayContaining(sent));
    for (const others of [
      [event(1), head, event(2)],
      [{ n: 1 }, head, event(1)],
    ]) {
      const [refused] = jsonLines((await run(['import', '--dry-run', '--json', '-'], lines(others))).stdout);
      expect(refused).toMatchObject({ failed: 3 - others.filter((each) => 'source' in each).length });
    }
    await run(['delete', '--all']);
  });

  it('reads each chat of SillyTavern as one conversation', async () => {
    const chat = (integrity: string | undefined, said: string) => [
      {
        user_name: 'You',
        character_name: 'Ann',
        create_date: '1',
        ...(integrity && { chat_metadata: { integrity } }),
      },
      { name: 'Ann', is_user: false, send_date: '1', mes: said, swipes: [said, 'Other'] },
      { name: 'You', is_user: true, send_date: '2', mes: 'Hi' },
    ];
    const sent = [
      ...chat('one', 'Oh'),
      ...chat('two', 'Ah'),
      ...chat(undefined, 'Eh'),
      ...chat(undefined, 'Ih'),
    ];
    const [counts] = jsonLines((await run(['import', '--json', '-'], lines(sent))).stdout);
    expect(counts).toMatchObject({ stored: 4, beside: 1, failed: 0, formats: { sillytavern: 4 } });
    const [again] = jsonLines((await run(['import', '--json', '-'], lines(sent))).stdout);
    expect(again).toMatchObject({ stored: 0, unchanged: 4 });
    const [said] = jsonLines((await run(['export', '--id-prefix', 'one'])).stdout);
    expect(said).toMatchObject({
      messages: [
        { role: 'assistant', name: 'Ann', content: 'Oh' },
        { role: 'user', name: 'You', content: 'Hi' },
      ],
    });
    const given = await same();
    expect(given).toEqual(expect.arrayContaining(sent));
    expect(given).toHaveLength(sent.length);
    const grown = [...chat(undefined, 'Eh'), { name: 'Ann', is_user: false, send_date: '3', mes: 'Oh no' }];
    const branch = chat(undefined, 'Uh');
    for (const [change, count] of [
      [grown, { stored: 1 }],
      [branch, { stored: 1, beside: 1 }],
    ] as const) {
      const [changed] = jsonLines((await run(['import', '--json', '-'], lines(change))).stdout);
      expect(changed).toMatchObject({ ...count, failed: 0 });
    }
    expect(await same()).toHaveLength(sent.length + 1 + branch.length);
    await run(['delete', '--all']);
  });

  it('refuses what no server takes, also without one', async () => {
    const messages = [{ role: 'user', content: 'Hi' }];
    const tools = Array.from({ length: 3 }, (_, at) => ({
      name: `t${at}`,
      description: 'd '.repeat(400_000),
    }));
    const long = { id: 'text', messages: [{ role: 'user', content: '\u00e9'.repeat(8_400_000) }] };
    const ids = ['half \ud83d', 'x'.repeat(513)].map((id) => ({ id, messages }));
    const sent = lines([{ id: 'a', messages }, { id: 'b', messages, tools }, long, ...ids]);
    for (const flags of [['--dry-run'], []]) {
      const { code, stderr } = await run(['import', ...flags, '-'], sent);
      expect(code).toBe(1);
      expect(stderr).toMatch(/^<stdin>:2: a message has fields \(.*\) of \d+ bytes; the limit is 2097152\n/);
      expect(stderr).toMatch(/\n<stdin>:3: a message has text of 16800000 bytes; the limit is 16777216\n/);
      expect(stderr).toMatch(/\n<stdin>:4: the id holds half of a surrogate pair/);
      expect(stderr).toMatch(/4 failures: 2 × an id that no conversation can have/);
    }
    await run(['delete', '--all']);
  });

  it('gives back an id without messages as it came, and takes its messages later', async () => {
    const empty = { id: 'a', messages: [] };
    await run(['import', '-'], lines([empty]));
    expect(await same()).toEqual([empty]);
    const grown = { id: 'a', messages: [{ role: 'user', content: 'Hi' }] };
    const [later] = jsonLines((await run(['import', '--json', '-'], lines([grown]))).stdout);
    expect(later).toMatchObject({ stored: 1, failed: 0 });
    expect(await same()).toEqual([grown]);
    const [before] = jsonLines((await run(['import', '--json', '-'], lines([empty]))).stdout);
    expect(before).toMatchObject({ stored: 0, unchanged: 1, failed: 0 });
    expect(await same()).toEqual([grown]);
    await run(['delete', '--all']);
  });

  it('keeps each of several lines of one id that say nothing', async () => {
    const sent = ['queued', 'failed', 'queued'].map((state) => ({ id: 'q', messages: [], state }));
    const [counts] = jsonLines((await run(['import', '--json', '-'], lines(sent))).stdout);
    expect(counts).toMatchObject({ stored: 2, beside: 1, unchanged: 1, failed: 0 });
    expect(await same()).toEqual(expect.arrayContaining(sent.slice(0, 2)));
    await run(['delete', '--all']);
  });
});
