// Tokenizers of OpenAI, from the ranks that gpt-tokenizer has. Their special tokens are those of
// openai/tiktoken (tiktoken_ext/openai_public.py).
const harmony = {
  '<|startoftext|>': 199998,
  '<|endoftext|>': 199999,
  '<|reserved_200000|>': 200000,
  '<|reserved_200001|>': 200001,
  '<|return|>': 200002,
  '<|constrain|>': 200003,
  '<|reserved_200004|>': 200004,
  '<|channel|>': 200005,
  '<|start|>': 200006,
  '<|end|>': 200007,
  '<|message|>': 200008,
  '<|reserved_200009|>': 200009,
  '<|reserved_200010|>': 200010,
  '<|reserved_200011|>': 200011,
  '<|call|>': 200012,
};
for (let id = 200013; id < 201088; id++) harmony[`<|reserved_${id}|>`] = id;
// One id with two texts there; the model's tokenizer.json has this one.
delete harmony['<|reserved_200018|>'];
harmony['<|endofprompt|>'] = 200018;

const fim = ['<|fim_prefix|>', '<|fim_middle|>', '<|fim_suffix|>'];
const from = (first, texts) => Object.fromEntries(texts.map((text, at) => [text, first + at]));
const gpt2 = { '<|endoftext|>': 50256 };

/** Ranks by the name of gpt-tokenizer's file. gpt2 is r50k_base by another name. */
export const encodings = {
  r50k_base: { ranks: 'r50k_base', pattern: 'r50k', special: gpt2 },
  p50k_base: { ranks: 'p50k_base', pattern: 'r50k', special: gpt2 },
  p50k_edit: { ranks: 'p50k_base', pattern: 'r50k', special: { ...gpt2, ...from(50281, fim) } },
  cl100k_base: {
    ranks: 'cl100k_base',
    pattern: 'cl100k',
    special: { '<|endoftext|>': 100257, ...from(100258, fim), '<|endofprompt|>': 100276 },
  },
  o200k_base: {
    ranks: 'o200k_base',
    pattern: 'o200k',
    special: { '<|endoftext|>': 199999, '<|endofprompt|>': 200018 },
  },
  o200k_harmony: { ranks: 'o200k_base', pattern: 'o200k', special: harmony },
};

/** Returns the tokens of an encoding by id, as bytes, with the special ones. */
export async function tokensOf({ ranks, special }) {
  const { default: all } = await import(`gpt-tokenizer/bpeRanks/${ranks}`);
  const tokens = Array.from(all, (token) => token && Buffer.from(token));
  for (const [text, id] of Object.entries(special)) {
    if (tokens[id] !== undefined) throw new Error(`${ranks}: ${id} is a token already`);
    tokens[id] = Buffer.from(text);
  }
  return Array.from(tokens);
}
