import type { Sample } from './sample.js';

/** Traces of agents, trees of replies, transcripts in one text, and token ids in an object of their own. */
export const agents: readonly Sample[] = [
  {
    format: 'message',
    document: { type: 'TextMessage', source: 'user', content: 'Write of rain', models_usage: null },
    messages: ['user: Write of rain'],
  },
  {
    format: 'message',
    document: {
      sessionId: 's',
      messageId: 0,
      type: 'user',
      message: '/quit',
      timestamp: '2026-01-01T00:00:00Z',
    },
    messages: ['user: /quit'],
  },
  {
    format: 'message',
    document: { type: 'message', user: 'U7', text: 'Good morning', ts: '1704103200.000100' },
    messages: ['U7: Good morning'],
  },
  {
    format: 'message',
    document: { name: 'Ann', is_user: false, mes: 'Oh', swipes: ['Oh', 'Ah'] },
    messages: ['assistant: Oh'],
  },
  {
    format: 'message',
    document: {
      type: 'assistant',
      timestamp: '2026-01-01T00:00:00Z',
      message: { content: [{ type: 'text', text: 'I look.' }], usage: { output_tokens: 3 } },
    },
    messages: ['assistant: I look.'],
  },
  {
    format: 'message',
    document: { role: 'user', message: { content: 'Mend it' }, at: 5 },
    messages: ['user: Mend it'],
  },
  {
    format: 'texts',
    document: {
      version: '1',
      chat: {
        title: 'A title of four words',
        turns: [
          { message: { text: 'What is in here?' }, responseParts: [{ content: 'Two files, it seems.' }] },
        ],
      },
    },
    messages: ['text: A title of four words', 'text: What is in here?', 'assistant: Two files, it seems.'],
  },
  {
    format: 'message',
    document: {
      info: { id: 'm', sessionID: 's', role: 'assistant', time: { created: 1700000000000 } },
      parts: [
        { type: 'text', text: 'I look.', id: 'p' },
        { type: 'text', text: 'I see.' },
      ],
    },
    messages: ['assistant: I look.I see.'],
  },
  {
    format: 'langsmith',
    document: {
      run_type: 'chain',
      inputs: { question: 'What is it?' },
      outputs: { answer: 'It is that.' },
    },
    messages: ['user: What is it?', 'assistant: It is that.'],
  },
  {
    format: 'langfuse',
    document: { traceId: 't', input: { query: 'What is it?' }, output: { reply: 'It is that.', score: 1 } },
    messages: ['user: What is it?', 'assistant: It is that.'],
  },
  {
    format: 'sharegpt',
    document: {
      composerId: 'c',
      conversation: [
        { type: 1, bubbleId: 'a', text: 'Mend it' },
        { type: 2, bubbleId: 'b', text: 'Done', codeBlocks: [] },
      ],
    },
    messages: ['user: Mend it', 'assistant: Done'],
  },
  {
    format: 'nested',
    document: {
      type: 'vote',
      models: ['', ''],
      states: [
        {
          model_name: 'm-1',
          messages: [
            ['USER', 'Hi'],
            ['ASSISTANT', 'Ho'],
          ],
        },
        {
          model_name: 'm-2',
          messages: [
            ['USER', 'Hi'],
            ['ASSISTANT', null],
          ],
        },
      ],
    },
    messages: ['user: Hi', 'assistant: Ho', 'user: Hi'],
  },
  {
    format: 'nested',
    document: {
      context: [{ role: 'user', content: 'Hi' }],
      response1: 'Ho',
      response2: 'Hey',
      response_model: 'small',
      preference: -1,
    },
    messages: ['user: Hi', 'assistant: Ho', 'assistant: Hey'],
  },
  {
    format: 'named-pair',
    document: { model_a: 'eagle', model_b: 'koala', prompt: 'Hi', response_a: 'Ho', response_b: 'Hey' },
    messages: ['user: Hi', 'assistant: Ho', 'assistant: Hey'],
  },
  {
    format: 'texts',
    document: {
      spec: 'chara_card_v2',
      data: {
        name: 'Ann',
        description: 'A keeper of the old light',
        first_mes: 'Oh, a guest!',
        tags: ['sea'],
      },
    },
    messages: ['text: A keeper of the old light', 'assistant: Oh, a guest!'],
  },
  {
    format: 'event',
    document: { id: 0, source: 'user', action: 'message', message: 'Mend it', args: { content: 'Mend it' } },
    messages: ['user: Mend it'],
  },
  {
    format: 'nested',
    document: {
      resourceSpans: [
        {
          resource: { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] },
          scopeSpans: [
            {
              spans: [
                {
                  name: 'chat',
                  attributes: [
                    { key: 'gen_ai.prompt.0.role', value: { stringValue: 'system' } },
                    { key: 'gen_ai.prompt.0.content', value: { stringValue: 'S' } },
                    { key: 'gen_ai.completion.0.content', value: { stringValue: 'Ho' } },
                    { key: 'gen_ai.usage.prompt_tokens', value: { intValue: '9' } },
                  ],
                },
              ],
            },
          ],
        },
      ],
    },
    messages: ['system: S', 'assistant: Ho'],
  },
  {
    format: 'nested',
    document: {
      message_tree_id: 't',
      prompt: {
        ...{ role: 'prompter', text: 'Why?', lang: 'en' },
        replies: [
          { role: 'assistant', text: 'So.', replies: [{ role: 'prompter', text: 'And?', replies: [] }] },
          { role: 'assistant', text: 'Because.', rank: 1, replies: [] },
        ],
      },
    },
    messages: ['prompter: Why?', 'assistant: So.', 'prompter: And?', 'assistant: Because.'],
  },
  {
    format: 'preference',
    document: {
      chosen: '\n\nHuman: Hi\n\nAssistant: Ho\n\nHuman: Is\n\nit?\n\nAssistant:Yes',
      rejected: '\n\nHuman: Hi\n\nAssistant: ',
    },
    messages: ['user: Hi', 'assistant: Ho', 'user: Is\n\nit?', 'assistant: Yes', 'user: Hi'],
  },
  {
    format: 'texts',
    document: {
      transcript: 'Human: Hi\n\nAssistant: Ho',
      rating: 4,
      task_description: 'asks for a trick of words',
    },
    messages: ['user: Hi', 'assistant: Ho', 'text: asks for a trick of words'],
  },
  {
    format: 'token-ids',
    document: { request_id: 'r', tokens: { prompt: [9, 8], completion: [7] }, logprobs: [-0.5] },
    id: 'r',
    messages: ['user: 9,8', 'assistant: 7'],
  },
  {
    format: 'token-ids',
    document: { prompt: 'a b', completion: 'c', tokens: { input_ids: [[1, 2], [3]], labels: [-100, 2] } },
    messages: ['user: 1,2', 'user: 3'],
  },
];
