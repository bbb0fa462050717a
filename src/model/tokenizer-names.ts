/** Tokenizers that come with the program. */
export const tokenizerNames = [
  'o200k_base',
  'o200k_harmony',
  'cl100k_base',
  'p50k_base',
  'p50k_edit',
  'r50k_base',
  'gpt2',
] as const;

export type TokenizerName = (typeof tokenizerNames)[number];

/**
 * Beginnings of the names of models, by their tokenizer: `gpt-4o` is also the beginning of
 * `gpt-4o-2024-08-06`, but not of `gpt-4o1`; one that ends with a dot may be followed by anything. The
 * longest one that fits decides.
 *
 * Source: openai/tiktoken (tiktoken/model.py), and OpenAI's list of models for what came later.
 */
export const modelsOf: Readonly<Record<TokenizerName, readonly string[]>> = {
  o200k_base: [
    ...['gpt-4o', 'chatgpt-4o', 'gpt-4.', 'gpt-5', 'gpt-5.', 'o1', 'o3', 'o4-mini', 'codex-mini'],
    ...['chat-latest', 'computer-use-preview', 'gpt-audio', 'gpt-realtime'],
  ],
  o200k_harmony: ['gpt-oss'],
  cl100k_base: [
    ...['gpt-4', 'gpt-3.5', 'gpt-35', 'davinci-002', 'babbage-002'],
    ...['text-embedding-3', 'text-embedding-ada-002'],
  ],
  p50k_base: [
    ...['text-davinci-002', 'text-davinci-003', 'code-davinci', 'davinci-codex'],
    ...['code-cushman', 'cushman-codex'],
  ],
  p50k_edit: ['text-davinci-edit', 'code-davinci-edit'],
  r50k_base: [
    ...['davinci', 'curie', 'babbage', 'ada', 'text-davinci-001', 'text-curie', 'text-babbage', 'text-ada'],
    ...['text-similarity', 'text-search', 'code-search'],
  ],
  gpt2: ['gpt2', 'gpt-2'],
};

/**
 * Names that may stand before a model's, as in `openrouter/openai/gpt-4o`, without changing its tokenizer.
 */
const providers = new Set([
  ...['openai', 'openai-community', 'azure', 'azure_ai', 'azure_openai', 'azure-openai', 'openrouter'],
  ...['github', 'github_copilot', 'litellm', 'litellm_proxy', 'text-completion-openai', 'models'],
]);

const beginnings: readonly (readonly [string, TokenizerName])[] = tokenizerNames
  .flatMap((tokenizer) => modelsOf[tokenizer].map((beginning) => [beginning, tokenizer] as const))
  .sort(([a], [b]) => b.length - a.length);

/**
 * Returns the tokenizer of a model as providers name it (`gpt-4o-2024-08-06`, `azure/gpt-35-turbo`,
 * `ft:gpt-4o:team::id`), or undefined if it is not known: a guess would give other ids than the model saw.
 */
export function tokenizerOfModel(model: string): TokenizerName | undefined {
  const name = plainName(model.toLowerCase());
  return beginnings.find(([beginning]) => fits(name, beginning))?.[1];
}

function plainName(model: string): string {
  let name = model;
  for (;;) {
    const [first, rest] = split(name);
    if (first === undefined || !(providers.has(first) || first === 'ft')) return name;
    name = rest;
  }
}

/** Splits off what stands before the first slash or colon. */
function split(name: string): [string | undefined, string] {
  const at = name.search(/[/:]/);
  return at === -1 ? [undefined, name] : [name.slice(0, at), name.slice(at + 1)];
}

function fits(name: string, beginning: string): boolean {
  if (!name.startsWith(beginning)) return false;
  return name.length === beginning.length || beginning.endsWith('.') || /[-:@]/.test(name[beginning.length]!);
}

/** Returns the tokenizer for a tokenizer's or a model's name, or undefined. */
export function tokenizerNamed(name: string): TokenizerName | undefined {
  return tokenizerNames.find((known) => known === name) ?? tokenizerOfModel(name);
}
