import type { Sample } from './sample.js';

/** Traces of agents, trees of replies, transcripts in one text, and token ids in an object of their own. */
export const agents: readonly Sample[] = [
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
