import { describe, expect, it } from 'vitest';
import { modelsOf, tokenizerNamed, tokenizerNames, tokenizerOfModel } from '../../src/model/index.js';

describe('the tokenizer of a model', () => {
  it.each([
    ['o200k_base', ['gpt-4o', 'gpt-4o-2024-08-06', 'gpt-4.1-nano', 'gpt-4.5-preview', 'chatgpt-4o-latest']],
    ['o200k_base', ['gpt-5', 'gpt-5-mini-2025-08-07', 'gpt-5.1-codex', 'o1', 'o1-pro', 'o3-mini', 'o4-mini']],
    ['o200k_base', ['openai/gpt-4o', 'openrouter/openai/gpt-4o-mini', 'azure/gpt-4o', 'OpenAI/GPT-4o']],
    ['o200k_base', ['ft:gpt-4o-2024-08-06:team::id', 'openai:gpt-4o', 'gpt-4o:extended']],
    [
      'cl100k_base',
      ['gpt-4', 'gpt-4-turbo', 'gpt-4-0613', 'gpt-4-32k', 'gpt-3.5-turbo', 'gpt-3.5-turbo-0125'],
    ],
    ['cl100k_base', ['gpt-35-turbo', 'azure/gpt-35-turbo-16k', 'ft:gpt-3.5-turbo:team::id', 'davinci-002']],
    ['cl100k_base', ['text-embedding-3-small', 'text-embedding-ada-002']],
    ['p50k_base', ['text-davinci-003', 'code-davinci-002', 'code-cushman-001']],
    ['p50k_edit', ['text-davinci-edit-001', 'code-davinci-edit-001']],
    ['r50k_base', ['davinci', 'text-davinci-001', 'ada', 'text-search-ada-doc-001']],
    ['gpt2', ['gpt2', 'openai-community/gpt2']],
    ['o200k_harmony', ['gpt-oss-20b', 'openai/gpt-oss-120b']],
  ] as const)('is %s for %j', (tokenizer, models) => {
    for (const model of models) expect([model, tokenizerOfModel(model)]).toEqual([model, tokenizer]);
  });

  it('is not guessed', () => {
    for (const model of [
      ...['', 'gpt', 'gpt-4o1', 'gpt-40', 'o11', 'claude-3-opus', 'meta-llama/Llama-3-8B', 'o200k_base'],
      ...['someone/gpt-4o-distilled', '__proto__', 'constructor', '/', ':', 'ft:', 'text-davinci-004'],
    ]) {
      expect([model, tokenizerOfModel(model)]).toEqual([model, undefined]);
    }
  });

  it('is that of the longest beginning, and each beginning has one', () => {
    const all = tokenizerNames.flatMap((tokenizer) => modelsOf[tokenizer]);
    expect(new Set(all).size).toBe(all.length);
    for (const tokenizer of tokenizerNames) {
      expect(tokenizerNamed(tokenizer)).toBe(tokenizer);
      for (const beginning of modelsOf[tokenizer]) expect(tokenizerNamed(beginning)).toBe(tokenizer);
    }
  });
});
