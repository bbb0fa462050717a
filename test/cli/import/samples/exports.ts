import type { Sample } from './sample.js';

/** Logs and exports of tools, and rollouts. */
export const exported: readonly Sample[] = [
  {
    format: 'langfuse',
    document: {
      id: 'g',
      traceId: 't',
      type: 'GENERATION',
      model: 'gpt-4o',
      input: { messages: [{ role: 'user', content: 'Hi' }], tools: [] },
      output: { role: 'assistant', content: 'Hello' },
      metadata: { user: 7 },
    },
    messages: ['user: Hi', 'assistant: Hello'],
    id: 'g',
    model: 'gpt-4o',
  },
  {
    format: 'litellm',
    document: {
      request_id: 'q1',
      call_type: 'acompletion',
      model: 'openai/gpt-4o',
      messages: JSON.stringify([{ role: 'user', content: 'Hi' }]),
      response: { id: 'q1', choices: [{ message: { role: 'assistant', content: 'Ho' } }] },
      spend: 0.01,
      metadata: { user_api_key: null },
    },
    messages: ['user: Hi', 'assistant: Ho'],
    id: 'q1',
    model: 'openai/gpt-4o',
  },
  {
    format: 'langsmith',
    document: {
      id: 'run',
      run_type: 'llm',
      inputs: {
        messages: [
          [
            {
              lc: 1,
              type: 'constructor',
              id: ['langchain', 'schema', 'HumanMessage'],
              kwargs: { content: 'Hi' },
            },
            { type: 'system', data: { content: 'S', additional_kwargs: {} } },
          ],
        ],
      },
      outputs: {
        generations: [
          [
            {
              text: 'Ho',
              message: { id: ['x', 'AIMessage'], lc: 1, kwargs: { content: 'Ho', tool_calls: [] } },
            },
          ],
        ],
      },
      extra: { invocation_params: { model: 'gpt-4o' } },
    },
    messages: ['user: Hi', 'system: S', 'assistant: Ho'],
    id: 'run',
    model: 'gpt-4o',
  },
  {
    format: 'open-webui',
    document: {
      id: 'ow',
      title: 'T',
      chat: {
        models: ['llama3'],
        messages: [
          { id: 'a', parentId: null, role: 'user', content: 'Hi', timestamp: 1 },
          { id: 'b', parentId: 'a', role: 'assistant', content: 'Ho', done: true },
        ],
        history: {
          currentId: 'b',
          messages: {
            a: { id: 'a', parentId: null, role: 'user', content: 'Hi', timestamp: 1 },
            b: { id: 'b', parentId: 'a', role: 'assistant', content: 'Ho', done: true },
          },
        },
      },
    },
    messages: ['user: Hi', 'assistant: Ho'],
    id: 'ow',
    model: 'llama3',
  },
  {
    format: 'chatgpt',
    document: {
      conversation_id: 'cg',
      current_node: 'n2',
      mapping: {
        n0: { id: 'n0', message: null, parent: null },
        n1: {
          id: 'n1',
          parent: 'n0',
          message: { author: { role: 'user' }, content: { content_type: 'text', parts: ['Hi'] } },
        },
        n2: {
          id: 'n2',
          parent: 'n1',
          message: { author: { role: 'assistant' }, content: { parts: ['Ho'] } },
        },
        n3: {
          id: 'n3',
          parent: 'n1',
          message: { author: { role: 'assistant' }, content: { parts: ['Other'] } },
        },
      },
    },
    messages: ['user: Hi', 'assistant: Ho'],
    id: 'cg',
  },
  {
    format: 'token-ids',
    document: {
      id: 'v',
      prompt_token_ids: [1, 2],
      choices: [{ index: 0, text: 'x', token_ids: [3], logprobs: null }],
    },
    messages: ['user: 1,2', 'assistant: 3'],
    id: 'v',
  },
  {
    format: 'token-ids',
    document: { text: 'x', output_ids: [3, 4], meta_info: { finish_reason: null } },
    messages: ['assistant: 3,4'],
  },
  {
    format: 'verl',
    document: { input: 'q', output: 'a', gts: 'x', score: 1, step: 3 },
    messages: ['user: q', 'assistant: a'],
  },
  {
    format: 'swe-agent',
    document: {
      trajectory: [
        { action: 'ls', observation: 'a.txt', response: 'I look. ls', thought: 'I look.', state: '{}' },
      ],
      info: { exit_status: 'submitted' },
    },
    messages: ['assistant: I look. ls', 'tool: a.txt'],
  },
  {
    format: 'telegram',
    document: {
      name: 'Ann',
      type: 'personal_chat',
      id: 4711,
      messages: [
        { id: 1, type: 'service', date: '2024-01-05T09:03:06', actor: 'Ann', action: 'phone_call', text: '' },
        {
          id: 2,
          type: 'message',
          date: '2024-01-05T09:03:07',
          date_unixtime: '1704445387',
          from: 'Ann',
          from_id: 'user1',
          text: 'Hi',
          text_entities: [{ type: 'plain', text: 'Hi' }],
        },
        {
          id: 3,
          type: 'message',
          date: '2024-01-05T09:04:00',
          date_unixtime: '1704445440',
          from: null,
          from_id: 'user2',
          text: ['see ', { type: 'link', text: 'https://a.example' }, '!'],
          reply_to_message_id: 2,
        },
      ],
    },
    messages: ['user: Hi', 'user: see https://a.example!'],
    id: '4711',
  },
  {
    format: 'discord',
    document: {
      guild: { id: '1', name: 'G', iconUrl: '' },
      channel: {
        id: '99',
        type: 'GuildTextChat',
        categoryId: null,
        category: null,
        name: 'general',
        topic: null,
      },
      dateRange: { after: null, before: null },
      exportedAt: '2024-01-06T00:00:00+00:00',
      messages: [
        {
          id: '5',
          type: 'Default',
          timestamp: '2024-01-05T09:03:07.1+00:00',
          timestampEdited: null,
          isPinned: false,
          content: '!sum 1 2',
          author: { id: '7', name: 'ann', discriminator: '0000', nickname: 'Ann', isBot: false, roles: [] },
          attachments: [],
          reactions: [],
        },
        {
          id: '6',
          type: 'Reply',
          timestamp: '2024-01-05T09:03:08.2+00:00',
          content: '3',
          author: { id: '8', name: 'adder', isBot: true },
          reference: { messageId: '5', channelId: '99', guildId: '1' },
        },
      ],
      messageCount: 2,
    },
    messages: ['user: !sum 1 2', 'assistant: 3'],
    id: '99',
  },
  {
    format: 'promptfoo',
    document: {
      id: 'r1',
      cost: 0.0001,
      gradingResult: { pass: true, score: 1, reason: 'All assertions passed', componentResults: [] },
      latencyMs: 412,
      namedScores: {},
      prompt: { raw: '[{"role":"system","content":"S"},{"role":"user","content":"Hi"}]', label: 'chat.json' },
      promptId: 'abc',
      promptIdx: 0,
      provider: { id: 'openai:gpt-4o', label: '' },
      response: { output: 'Hello', tokenUsage: { total: 9, prompt: 8, completion: 1 }, cached: false },
      score: 1,
      success: true,
      testCase: { vars: { name: 'Ann' }, assert: [{ type: 'contains', value: 'Hello' }] },
      testIdx: 0,
      vars: { name: 'Ann' },
    },
    messages: ['system: S', 'user: Hi', 'assistant: Hello'],
    id: 'r1',
    model: 'openai:gpt-4o',
  },
  {
    format: 'helm',
    document: {
      instance: {
        input: { text: 'Is it so?' },
        references: [{ output: { text: 'Yes' }, tags: ['correct'] }],
        split: 'test',
        id: 'id9',
      },
      request_mode: null,
      train_trial_index: 0,
      output_mapping: {},
      request: {
        model_deployment: 'openai/gpt-4o-2024-05-13',
        model: 'openai/gpt-4o-2024-05-13',
        prompt: 'Passage\nQuestion: Is it so?\nAnswer:',
        temperature: 0.5,
        num_completions: 2,
        messages: null,
      },
      result: {
        success: true,
        completions: [
          {
            text: ' Yes',
            logprob: -0.5,
            tokens: [{ text: ' Yes', logprob: -0.5 }],
            finish_reason: { reason: 'stop' },
          },
          { text: ' No', logprob: -1.5, tokens: [] },
        ],
        cached: true,
        request_datetime: 1704445387,
      },
      num_train_instances: 5,
      prompt_truncated: false,
    },
    messages: ['user: Passage\nQuestion: Is it so?\nAnswer:', 'assistant:  Yes', 'assistant:  No'],
    model: 'openai/gpt-4o-2024-05-13',
  },
];
