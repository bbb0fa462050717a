import { envelope, type Sample } from './sample.js';

/** Lines of data sets, and messages in lines of no known shape. */
export const dataSets: readonly Sample[] = [
  {
    format: 'sharegpt',
    document: {
      id: 'i_0',
      system: 'Short.',
      conversations: [
        { from: 'human', value: 'Who?' },
        { from: 'gpt', value: 'Me.', weight: 1 },
        { from: 'function_call', value: '{}' },
        { from: 'observation', value: 'ok' },
      ],
      tools: '[]',
    },
    messages: ['system: Short.', 'user: Who?', 'assistant: Me.', 'function_call: {}', 'tool: ok'],
    id: 'i_0',
  },
  {
    format: 'columns',
    document: { conversations: { from: ['human', 'gpt'], value: ['Hi', 'Ho'], weight: [0, 1] }, id: 'c_0' },
    messages: ['user: Hi', 'assistant: Ho'],
    id: 'c_0',
  },
  {
    format: 'message',
    document: {
      type: 'message',
      role: 'assistant',
      content: [{ type: 'text', text: 'Hi' }],
      usage: { n: 1 },
    },
    messages: ['assistant: Hi'],
  },
  {
    format: 'named-pair',
    document: { user_message: 'Hi', modelResponse: 'Ho', latency: 3 },
    messages: ['user: Hi', 'assistant: Ho'],
  },
  {
    format: 'named-pair',
    document: { systemPrompt: 'S', prompt_id: 'p-1', userPrompt: 'Hi', answer_id: 'a-1', bot_reply: 'Ho' },
    messages: ['system: S', 'user: Hi', 'assistant: Ho'],
  },
  {
    format: 'named-pair',
    document: { user: 'u-1', model: 'gpt-4o', prompt: 'Hi', generation: 'Ho' },
    messages: ['user: Hi', 'assistant: Ho'],
    model: 'gpt-4o',
  },
  {
    format: 'answer',
    document: { task_id: 'HumanEval/0', completion: '  return 1' },
    messages: ['assistant:   return 1'],
  },
  {
    format: 'prompt-completion',
    document: { Question: 'Hi', ANSWER: 'Ho', Source: 's' },
    messages: ['user: Hi', 'assistant: Ho'],
  },
  {
    format: 'prompt-completion',
    document: { prompt: { text: 'Hi', toxicity: 0.5 }, continuation: { text: 'Ho' } },
    messages: ['user: Hi', 'assistant: Ho'],
  },
  {
    format: 'openai-chat',
    document: {
      messages: [{ role: 'user', content: 'a' }, null, { event: 'x', n: 1 }, { role: 1, content: 'b' }],
    },
    messages: ['user: a', ': ', ': {"event":"x","n":1}', '1: b'],
  },
  {
    format: 'openai-chat',
    document: { messages: [{ author: { role: 'user' }, content: { content_type: 'text', parts: ['a'] } }] },
    messages: ['user: a'],
  },
  {
    format: 'sharegpt',
    document: {
      conversations: [
        { from: 'human', value: 'a' },
        { from: 'gpt', value: { x: 1 } },
      ],
    },
    messages: ['user: a', 'assistant: {"x":1}'],
  },
  {
    format: 'prompt-completion',
    document: { prompt: '2+2 ->', completion: ' 4\n', label: true },
    messages: ['user: 2+2 ->', 'assistant:  4\n'],
  },
  {
    format: 'preference',
    document: {
      prompt: [{ role: 'user', content: 'Hi' }],
      chosen: [{ role: 'assistant', content: 'A' }],
      rejected: [{ role: 'assistant', content: 'B' }],
    },
    messages: ['user: Hi', 'assistant: A', 'assistant: B'],
  },
  {
    format: 'preference',
    document: { prompt: 'Hi', chosen: 'A', rejected: 'B', score_chosen: 4 },
    messages: ['user: Hi', 'assistant: A', 'assistant: B'],
  },
  {
    format: 'alpaca',
    document: { instruction: 'Add', input: '', output: '[1, 2]', history: [['a', 'b']], system: 'S' },
    messages: ['system: S', 'user: a', 'assistant: b', 'user: Add', 'user: ', 'assistant: [1, 2]'],
  },
  {
    format: 'huggingface-chat',
    document: {
      source: 's',
      dialog: [
        { role: 'user', content: 'a' },
        { role: 'assistant', content: 'b' },
      ],
    },
    messages: ['user: a', 'assistant: b'],
  },
  {
    format: 'huggingface-chat',
    document: { conversation_history: JSON.stringify([{ role: 'user', content: 'a' }]), score: 1 },
    messages: ['user: a'],
  },
  { format: 'text', document: { text: 'Once.', meta: { set: 'x' } }, messages: ['text: Once.'] },
  {
    format: 'messages',
    document: [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Ho', weight: 0 },
    ],
    messages: ['user: Hi', 'assistant: Ho'],
  },
  { format: 'text', document: { system: 'S', chat: 'USER: a' }, messages: ['system: S', 'text: USER: a'] },
  {
    format: 'turns',
    document: { id: 't', data: ['Hi', 'Ho', 'Hey'] },
    messages: ['user: Hi', 'assistant: Ho', 'user: Hey'],
    id: 't',
  },
  {
    format: 'prompt-completion',
    document: { prompt: 'p', responses: ['a', 'b'], scores: [1, 2] },
    messages: ['user: p', 'assistant: a', 'assistant: b'],
  },
  {
    format: 'nested',
    document: {
      conversation: [
        { input: 'q', output: 'a' },
        { input: 'r', output: 'b', tag: 1 },
      ],
    },
    messages: ['user: q', 'assistant: a', 'user: r', 'assistant: b'],
  },
  {
    format: 'nested',
    document: {
      name: 'chat',
      chat_messages: [
        { uuid: '1', text: 'Hi', sender: 'human' },
        { uuid: '2', text: 'Ho', sender: 'assistant' },
      ],
    },
    messages: ['user: Hi', 'assistant: Ho'],
  },
  {
    format: 'nested',
    document: {
      attributes: {
        'llm.input_messages': [{ 'message.role': 'user', 'message.content': 'Hi' }],
        llm: { output_messages: [{ message: { role: 'assistant', content: 'Ho' } }] },
      },
    },
    messages: ['user: Hi', 'assistant: Ho'],
  },
  {
    format: 'nested',
    document: { at: 1, message: { role: 'assistant', content: 'Ho' }, done: true },
    messages: ['assistant: Ho'],
  },
  {
    format: 'nested',
    document: { messages: [[{ role: 'user', content: 'Hi' }], [{ role: 'assistant', content: 'Ho' }]] },
    messages: ['user: Hi', 'assistant: Ho'],
  },
  { format: 'turns', document: { messages: ['Hi', 'Ho'] }, messages: ['user: Hi', 'assistant: Ho'] },
  {
    format: 'nested',
    document: { type: 'trace', data: { input: 'Hi', output: 'Ho', cost: 1 } },
    messages: ['user: Hi', 'assistant: Ho'],
  },
  {
    format: 'nested',
    document: {
      attributes: {
        'gen_ai.prompt.0.role': 'system',
        'gen_ai.prompt.0.content': 'S',
        'gen_ai.prompt.1.content': 'Hi',
        'llm.output_messages.0.message.content': 'Ho',
      },
    },
    messages: ['system: S', 'user: Hi', 'assistant: Ho'],
  },
  {
    format: 'huggingface-chat',
    document: {
      history: [
        { id: 0, source: 'user', action: 'message', message: 'Do it' },
        { id: 1, source: 'agent', action: 'run', args: { command: 'ls' } },
        { id: 2, source: 'agent', observation: 'run', content: 'out' },
      ],
    },
    messages: [
      'user: Do it',
      `agent: ${envelope({ function_call: { name: 'run', arguments: { command: 'ls' } } })}`,
      'agent: out',
    ],
  },
  {
    format: 'openai-chat',
    document: {
      sessionId: 's',
      messages: [
        { type: 'user', content: 'Hi' },
        { type: 'gemini', content: 'Ho', thoughts: [] },
      ],
    },
    messages: ['user: Hi', 'assistant: Ho'],
  },
  {
    format: 'lm-eval',
    document: {
      doc_id: 0,
      doc: { q: 'x' },
      target: 'y',
      arguments: [['Question: x', { until: ['\n'] }]],
      resps: [['y']],
    },
    messages: ['user: Question: x', 'assistant: y'],
  },
  {
    format: 'lm-eval',
    document: {
      doc: {},
      arguments: { gen_args_0: { arg_0: 'Question', arg_1: ' a' } },
      resps: [[[-1.5, false]]],
    },
    messages: ['user: Question'],
  },
  {
    format: 'prompt',
    document: { question: 'Which?', choices: ['a', 'b'], answer: 1 },
    messages: ['user: Which?'],
  },
  {
    format: 'openai-chat',
    document: { messages: [{ role: 'r'.repeat(300), content: 'a' }], application: 'x'.repeat(300) },
    messages: [`${'r'.repeat(256)}: a`],
  },
];
