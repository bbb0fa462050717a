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
];
