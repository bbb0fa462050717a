import { createRequire } from 'node:module';
import { Piscina } from 'piscina';
import { StowkenError } from '../model/index.js';
import { knownEncodings, resolveEncodingName, type EncodingName } from './names.js';
import type { Tokenizers } from './tokenizers.js';
import type { DecodeOutcome, DecodeTask, EncodeTask } from './worker.js';

export interface TokenizerPoolOptions {
  /** Worker threads at most; each that has worked keeps an encoding's tables, about 100 MB. */
  readonly threadsMax: number;
}

/** Threads start with the first text. An aborted task's thread is stopped at once, and replaced. */
export function createTokenizers(options: TokenizerPoolOptions): Tokenizers {
  const pool = new Piscina({
    filename: createRequire(import.meta.url).resolve('#build/src/text/worker.js'),
    minThreads: 0,
    maxThreads: options.threadsMax,
    idleTimeout: 300_000,
  });

  async function run<T>(name: string, task: EncodeTask | DecodeTask, signal: AbortSignal): Promise<T> {
    try {
      return (await pool.run(task, { name, signal })) as T;
    } catch (error) {
      if (signal.aborted) throw new StowkenError('CANCELLED', 'the call was cancelled', {}, { cause: error });
      throw error;
    }
  }

  return {
    known: knownEncodings,
    resolve: resolveEncodingName,

    encode: async (tokenizer, texts, signal) =>
      run<Uint8Array[]>('encode', { encoding: known(tokenizer), texts }, signal),

    async decode(tokenizer, items, signal) {
      const outcome = await run<DecodeOutcome>('decode', { encoding: known(tokenizer), items }, signal);
      if (!('unknownToken' in outcome)) return outcome;
      const token = String(outcome.unknownToken);
      throw new StowkenError('UNDECODABLE_TOKEN', `tokenizer ${tokenizer} has no token ${token}`, {
        tokenizer,
        token,
      });
    },

    close: () => pool.destroy(),
  };
}

function known(name: string): EncodingName {
  const encoding = resolveEncodingName(name);
  if (encoding !== undefined) return encoding;
  const list = knownEncodings.join(', ');
  const lacks =
    name === '' ? 'the server is told no tokenizer' : `the server has no tokenizer ${JSON.stringify(name)}`;
  const message = `${lacks}; it knows ${list} and the names of common models`;
  throw new StowkenError('UNKNOWN_TOKENIZER', message, { tokenizer: name, known: list });
}
