import type { Sample } from './sample.js';

/** Lines whose texts are told by their names, and records of evaluations, agents and rollouts. */
export const named: readonly Sample[] = [
  {
    format: 'texts',
    document: {
      id: 'q_1',
      passage: 'They met where the two rivers meet.',
      question: { stem: 'Where?', choices: [{ text: 'a', label: 'A' }] },
      answers: [{ rank: 1, text: 'There.' }],
      label: 'A',
    },
    messages: ['text: They met where the two rivers meet.', 'user: Where?', 'assistant: There.'],
    id: 'q_1',
  },
  {
    format: 'texts',
    document: {
      instruction: 'Name it',
      models: ['a', 'b'],
      completions: [{ model: 'a', response: 'It', score: { note: 'x' } }],
    },
    messages: ['user: Name it', 'assistant: It'],
  },
  {
    format: 'texts',
    document: { state: 'The sky is blue today.', questions: [{ kind: 'yes', question: 'Blue?', gold: 1 }] },
    messages: ['text: The sky is blue today.', 'user: Blue?'],
  },
  {
    format: 'texts',
    document: { id: 'call_0', result: [['f(a=1)'], ['g()', 'done']], latency: 0.4 },
    messages: ['assistant: f(a=1)', 'assistant: g()', 'assistant: done'],
    id: 'call_0',
  },
  {
    format: 'texts',
    document: { id: 'call_1', ground_truth: [{ area: { base: [10] } }] },
    messages: ['assistant: {"content":[{"area":{"base":[10]}}]}'],
    id: 'call_1',
  },
  {
    format: 'texts',
    document: {
      custom_system_prompt: 'Be brief.',
      problem_statement: 'The list is empty.',
      patch: '+ fill(list)',
      test_patch: '+ expect(list).toEqual(full)',
      incorrect_answers: ['Nothing'],
      tools: [{ name: 'run', description: 'It runs all of the tests.' }],
    },
    messages: ['system: Be brief.', 'user: The list is empty.', 'assistant: + fill(list)'],
  },
  {
    format: 'texts',
    document: { info: { post: 'It rained all day.' }, summaries: [{ text: 'Rain' }, { text: 'Wet' }] },
    messages: ['assistant: Rain', 'assistant: Wet'],
  },
  { format: 'texts', document: { topic: 'writing songs', number: 7 }, messages: ['user: writing songs'] },
  {
    format: 'texts',
    document: { answer: { $stowken: 'x', content: 'B' }, question: { $$stowken: 1, content: 'A' } },
    messages: ['user: A', 'assistant: B'],
  },
  {
    format: 'texts',
    document: { 问题: '为什么？', 答案: '因为。' },
    messages: ['user: 为什么？', 'assistant: 因为。'],
  },
  {
    format: 'named-pair',
    document: { prompt: 'Hi', response_1: 'A', response_2: 'B', preference: -1 },
    messages: ['user: Hi', 'assistant: A', 'assistant: B'],
  },
  {
    format: 'named-pair',
    document: { prompt: 'Hi', chosen_response: 'A', rejected_response: 'B' },
    messages: ['user: Hi', 'assistant: A', 'assistant: B'],
  },
  {
    format: 'preference',
    document: {
      messages: [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: 'A' },
      ],
      rejected_response: 'B',
    },
    messages: ['user: Hi', 'assistant: A', 'assistant: B'],
  },
  {
    format: 'preference',
    document: {
      conversations: [{ from: 'human', value: 'Hi' }],
      chosen: { from: 'gpt', value: 'A' },
      rejected: { from: 'gpt', value: 'B' },
    },
    messages: ['user: Hi', 'assistant: A', 'assistant: B'],
  },
  {
    format: 'prompt-completion',
    document: { query: 'r', response: 'b', history: [['q', 'a']] },
    messages: ['user: q', 'assistant: a', 'user: r', 'assistant: b'],
  },
  {
    format: 'huggingface-chat',
    document: { input: [{ role: 'user', content: 'Hi' }], ideal: ['A', 'B'] },
    messages: ['user: Hi', 'assistant: A', 'assistant: B'],
  },
  {
    format: 'nested',
    document: { instruction: 'Add', instances: [{ input: '1 1', output: '2' }] },
    messages: ['user: Add', 'user: 1 1', 'assistant: 2'],
  },
  {
    format: 'turns',
    document: { question_id: 81, category: 'writing', turns: ['Write.', 'Again.'] },
    messages: ['user: Write.', 'user: Again.'],
  },
  {
    format: 'turns',
    document: {
      dialogue: [
        { act: 1, text: 'Hi' },
        { act: 2, text: 'Ho' },
      ],
      topic: 'x',
    },
    messages: ['user: Hi', 'assistant: Ho'],
  },
  { format: 'turns', document: ['Hi', 'Ho'], messages: ['user: Hi', 'assistant: Ho'] },
  {
    format: 'turns',
    document: [
      ['Hi', 'Ho'],
      ['So', 'Yo'],
    ],
    messages: ['user: Hi', 'assistant: Ho', 'user: So', 'assistant: Yo'],
  },
  { format: 'text', document: 'A text of one line.', messages: ['text: A text of one line.'] },
  {
    format: 'openai-completion',
    document: { question_id: 81, choices: [{ index: 0, turns: ['A', 'B'] }] },
    messages: ['assistant: A', 'assistant: B'],
  },
  {
    format: 'message',
    document: { session_id: 's', role: 'user', message: 'Hi' },
    messages: ['user: Hi'],
  },
  {
    format: 'openai-chat',
    document: {
      messages: [{ role: 'user', content: [{ type: 'text', value: 'Hi' }], loss_weight: 0 }],
    },
    messages: ['user: Hi'],
  },
  {
    format: 'swe-agent',
    document: {
      question: 'Who?',
      steps: [{ thought: 'I look.', action: 'Search[x]', observation: 'y' }],
    },
    messages: ['user: Who?', 'assistant: I look.', 'assistant: Search[x]', 'tool: y'],
  },
  {
    format: 'evals',
    document: {
      run_id: 'r',
      event_id: 1,
      sample_id: 's.0',
      type: 'sampling',
      data: { prompt: [{ role: 'user', content: 'Hi' }], sampled: ['Ho'] },
    },
    messages: ['user: Hi', 'assistant: Ho'],
  },
  {
    format: 'token-ids',
    document: {
      prompt_token_ids: [[1], [1, 2, 3]],
      completion_token_ids: [[2], [4]],
      logprobs: [[-1], [-2]],
    },
    messages: ['user: 1', 'user: 1,2,3', 'assistant: 2', 'assistant: 4'],
  },
  {
    format: 'nested',
    document: { steps: [{ prompt_ids: [1, 2], response_ids: [3], reward: 1 }] },
    messages: ['user: 1,2', 'assistant: 3'],
  },
];
