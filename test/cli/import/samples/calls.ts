import { call, envelope, type Sample } from './sample.js';

/** Requests and answers of APIs, and records of them. */
export const calls: readonly Sample[] = [
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
];
