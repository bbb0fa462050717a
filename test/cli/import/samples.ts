import type { Json } from '../../../src/cli/import/shapes/index.js';

/** A document of a shape: the shape that it is, and what is stored of it. */
export interface Sample {
  readonly format: string;
  readonly document: Json;
  /** Messages, as "role: content". */
  readonly messages: readonly string[];
  readonly id?: string;
  readonly model?: string;
}

const call = { id: 'call_9', type: 'function', function: { name: 'sum', arguments: '{"a":1}' } };
const envelope = (rest: object) => JSON.stringify({ content: null, ...rest });

export const samples: readonly Sample[] = [
  {
    format: 'openai-chat',
    document: {
      id: 12,
      model: 'gpt-4o',
      messages: [
        { role: 'system', content: 'Be kind.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'one' },
            { type: 'text', text: ' two' },
          ],
        },
        { role: 'assistant', tool_calls: [call], refusal: null },
        { role: 'tool', tool_call_id: 'call_9', content: null, name: '' },
      ],
      tools: [{ type: 'function', function: { name: 'sum', parameters: { $ref: '#/x', $stowken: ['a'] } } }],
      temperature: 0.5,
      response_format: { type: 'json_object' },
    },
    messages: [
      'system: Be kind.',
      'user: one two',
      `assistant: ${envelope({ tool_calls: [call] })}`,
      'tool: ',
    ],
    id: '12',
    model: 'gpt-4o',
  },
  {
    format: 'anthropic',
    document: {
      model: 'claude-x',
      system: [{ type: 'text', text: 'Short.', cache_control: { type: 'ephemeral' } }],
      messages: [
        { role: 'user', content: 'Weather?' },
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: 'Look it up.', signature: 'x='.repeat(400) },
            { type: 'tool_use', id: 't1', name: 'w', input: {} },
          ],
        },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't1', content: 'rain' }] },
      ],
      max_tokens: 9,
    },
    messages: [
      'system: Short.',
      'user: Weather?',
      'assistant: *',
      `user: ${JSON.stringify({ content: [{ type: 'tool_result', tool_use_id: 't1', content: 'rain' }] })}`,
    ],
    model: 'claude-x',
  },
  {
    format: 'batch-input',
    document: {
      custom_id: 'r-7',
      method: 'POST',
      url: '/v1/chat/completions',
      body: { model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'Hi' }], max_tokens: 5 },
    },
    messages: ['user: Hi'],
    id: 'r-7',
    model: 'gpt-4o-mini',
  },
  {
    format: 'batch-output',
    document: {
      id: 'vllm-1',
      custom_id: 'r-8',
      response: {
        status_code: 200,
        body: {
          model: 'm',
          choices: [{ index: 0, message: { role: 'assistant', content: 'Yes', refusal: null } }],
          usage: { total_tokens: 3 },
        },
      },
      error: null,
    },
    messages: ['assistant: Yes'],
    id: 'r-8',
    model: 'm',
  },
  {
    format: 'batch-output',
    document: {
      custom_id: 'r-9',
      result: {
        type: 'succeeded',
        message: {
          role: 'assistant',
          model: 'c',
          content: [{ type: 'text', text: 'Sure' }],
          stop_reason: 'end_turn',
        },
      },
    },
    messages: ['assistant: Sure'],
    id: 'r-9',
    model: 'c',
  },
  {
    format: 'request-response',
    document: {
      request: { model: 'gpt-4o', messages: [{ role: 'user', content: 'Hi' }] },
      response: { choices: [{ message: { role: 'assistant', content: 'Ho' }, finish_reason: 'stop' }] },
    },
    messages: ['user: Hi', 'assistant: Ho'],
    model: 'gpt-4o',
  },
  {
    format: 'responses',
    document: {
      id: 'resp_2',
      model: 'gpt-5',
      instructions: 'Add.',
      input: [
        { type: 'message', role: 'user', content: [{ type: 'input_text', text: '2+3' }] },
        {
          type: 'reasoning',
          id: 'rs',
          summary: [{ type: 'summary_text', text: 'easy' }],
          encrypted_content: 'g',
        },
        { type: 'function_call', call_id: 'c', name: 'add', arguments: '{}' },
        { type: 'function_call_output', call_id: 'c', output: '5' },
        { type: 'web_search_call', id: 'ws', status: 'completed' },
      ],
      output: [
        {
          type: 'message',
          role: 'assistant',
          content: [{ type: 'output_text', text: '5', annotations: [] }],
        },
      ],
    },
    messages: [
      'system: Add.',
      'user: 2+3',
      `assistant: ${envelope({ reasoning_content: 'easy' })}`,
      `assistant: ${envelope({ tool_calls: [{ id: 'c', type: 'function', function: { name: 'add', arguments: '{}' } }] })}`,
      'tool: 5',
      'assistant: {"content":[{"type":"web_search_call","id":"ws","status":"completed"}]}',
      'assistant: 5',
    ],
    id: 'resp_2',
    model: 'gpt-5',
  },
  {
    format: 'nemo-gym',
    document: {
      responses_create_params: { input: [{ role: 'user', content: 'Go' }], tools: [{ name: 'x' }] },
      response: {
        model: 'n',
        output: [{ type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Went' }] }],
      },
      reward: 1.5,
    },
    messages: ['user: Go', 'assistant: Went'],
    model: 'n',
  },
  {
    format: 'gemini',
    document: {
      systemInstruction: { parts: [{ text: 'Short.' }] },
      contents: [
        { role: 'user', parts: [{ text: 'Hi ' }, { text: 'you' }] },
        { role: 'model', parts: [{ functionCall: { name: 'f', args: { a: 1 } } }] },
        { parts: [{ functionResponse: { name: 'f', response: {} } }] },
      ],
      generationConfig: { temperature: 0 },
    },
    messages: [
      'system: Short.',
      'user: Hi you',
      'assistant: {"content":[{"functionCall":{"name":"f","args":{"a":1}}}]}',
      'user: {"content":[{"functionResponse":{"name":"f","response":{}}}]}',
    ],
  },
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
    format: 'openai-completion',
    document: {
      id: 'cmpl',
      model: 'm',
      choices: [
        { text: ' a', index: 0 },
        { text: ' b', index: 1 },
      ],
    },
    messages: ['assistant:  a', 'assistant:  b'],
    id: 'cmpl',
    model: 'm',
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
];
