import { envelope, type Sample } from './sample.js';

const said = [
  { role: 'system', content: 'Be kind to Zoë' },
  { role: 'user', content: 'Is it "late"?\u007f' },
];

/** JSON as Python writes it, by default and with `ensure_ascii=False`. */
const byPython = (list: readonly object[], isAscii: boolean) => {
  const items = list.map(
    (item) =>
      `{${Object.entries(item)
        .map(([key, value]) => `"${key}": ${JSON.stringify(value)}`)
        .join(', ')}}`,
  );
  const json = `[${items.join(', ')}]`;
  return isAscii ? json.replace('ë', '\\u00eb').replace('\u007f', '\\u007f') : json;
};
const inText = said.map(({ role, content }) => `${role}: ${content}`);

/** Steps and actions of agents, and messages that say something under other names. */
export const steps: readonly Sample[] = [
  {
    format: 'atif',
    model: 'm-1',
    document: {
      schema_version: 'ATIF-v1.5',
      session_id: 's',
      agent: { name: 'a', version: '1', model_name: 'm-1' },
      steps: [
        { step_id: 1, source: 'user', message: 'List the files', timestamp: '2026-01-01T00:00:00Z' },
        {
          step_id: 2,
          source: 'agent',
          message: 'I look.',
          reasoning_content: 'They want files',
          tool_calls: [{ tool_call_id: 'c1', function_name: 'bash', arguments: { cmd: 'ls', n: 1.5 } }],
          observation: { results: [{ source_call_id: 'c1', content: 'a.txt' }, { content: null }] },
          metrics: { prompt_tokens: 3 },
        },
        { step_id: 3, source: 'agent', message: '', tool_calls: [] },
        {
          step_id: 4,
          source: 'agent',
          message: [{ type: 'text', text: 'One file' }],
          observation: { results: [{ content: [{ type: 'text', text: 'seen' }] }] },
        },
        { step_id: 5, source: 'user', message: [{ role: 'user', content: 'Thanks' }] },
      ],
      final_metrics: { total_steps: 5 },
    },
    messages: [
      'user: List the files',
      `assistant: ${JSON.stringify({
        content: 'I look.',
        tool_calls: [{ tool_call_id: 'c1', function_name: 'bash', arguments: { cmd: 'ls', n: 1.5 } }],
        reasoning_content: 'They want files',
      })}`,
      'tool: a.txt',
      'assistant: One file',
      'tool: seen',
      'user: Thanks',
    ],
  },
  {
    format: 'huggingface-chat',
    document: {
      instance_id: 'i',
      history: [
        { source: 'agent', action: 'system', message: '', args: { content: 'You help.', tools: [] } },
        {
          source: 'agent',
          action: 'run',
          message: 'Running ls',
          args: { command: 'ls', thought: 'I look.' },
        },
        { source: 'agent', observation: 'run', content: 'a.py', message: 'done', extras: { exit_code: 0 } },
      ],
    },
    messages: [
      'agent: You help.',
      `agent: ${JSON.stringify({
        content: 'Running ls',
        function_call: { name: 'run', arguments: { command: 'ls' } },
        reasoning: 'I look.',
      })}`,
      'agent: a.py',
    ],
  },
  {
    format: 'swe-agent',
    document: {
      turns: [
        { action: 'ask', arguments: { question: 'Since when?' }, observation: 'For days.', error: null },
        { action: 'stop', arguments: {}, observation: null },
      ],
    },
    messages: [
      `assistant: ${envelope({ function_call: { name: 'ask', arguments: { question: 'Since when?' } } })}`,
      'tool: For days.',
      'assistant: stop',
    ],
  },
  {
    format: 'nested',
    document: {
      content: [
        { role: 'user', content: 'Send the secret' },
        { role: 'agent', thought: 'I must not send it', action: 'I cannot send secrets', step: 2 },
        { role: 'judge', verdict: 'It was right so' },
      ],
    },
    messages: [
      'user: Send the secret',
      'agent: {"content":[{"thought":"I must not send it"},{"action":"I cannot send secrets"}]}',
      'judge: It was right so',
    ],
  },
  {
    format: 'turns',
    document: {
      turns: [
        { text: 'Is it open?', draft_reply: 'Yes, it is open until six.', kind: 'opener', turn_id: 'T1' },
        {
          text: 'And on Sunday?',
          draft_reply: 'No, it is closed on that day.',
          kind: 'hours',
          turn_id: 'T2',
        },
      ],
    },
    messages: [
      'user: Is it open?',
      'assistant: Yes, it is open until six.',
      'user: And on Sunday?',
      'assistant: No, it is closed on that day.',
    ],
  },
  {
    // A second text that is no answer by its name is a field.
    format: 'turns',
    document: {
      turns: [
        { text: 'Good morning to you.', translation: 'Ich wünsche einen guten Morgen.' },
        { text: 'And a very good one to you.', translation: 'Und dir einen sehr guten.' },
      ],
    },
    messages: ['user: Good morning to you.', 'assistant: And a very good one to you.'],
  },
  {
    format: 'message',
    document: { type: 'human', data: { content: 'Hi', type: 'human', additional_kwargs: {} } },
    messages: ['user: Hi'],
  },
  {
    format: 'message',
    document: {
      ...{ lc: 1, type: 'constructor', id: ['langchain', 'schema', 'messages', 'AIMessage'] },
      kwargs: { content: 'Hello', tool_calls: [] },
    },
    messages: ['assistant: Hello'],
  },
  ...[true, false].map((isAscii): Sample => ({
    format: 'huggingface-chat',
    document: { messages: byPython(said, isAscii), resolved: true },
    messages: inText,
  })),
  {
    format: 'named-pair',
    model: 'hf',
    document: { task: 'sum', model: 'hf', prompt: 'How many?', prediction: 'It is five', score: 0.5 },
    messages: ['user: How many?', 'assistant: It is five'],
  },
  {
    format: 'texts',
    document: { turns: [{ user_message: 'I look for a lamp', agent_message: 'Which size?', at: 1 }] },
    messages: ['user: I look for a lamp', 'assistant: Which size?'],
  },
];
