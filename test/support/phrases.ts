import type { Vault } from '../../src/vault/index.js';
import { Random } from '../crash/random.js';
import { say, signal, spec } from './vault.js';

export interface PhraseContent {
  readonly conversations: number;
  /** Determines the content; conversations are called c<seed>-<number>. */
  readonly seed: number;
  /** Determines the phrases. */
  readonly phraseSeed: number;
}

const PHRASES = 200;

/** Stores conversations whose messages are composed of a few hundred phrases, like those of agents. */
export async function fillWithPhrases(vault: Vault, content: PhraseContent): Promise<void> {
  const phraseRandom = new Random(content.phraseSeed);
  const random = new Random(1000 + content.seed);
  const phrases = Array.from({ length: PHRASES }, () =>
    Array.from({ length: 12 }, () => phraseRandom.below(50_000)),
  );
  for (let i = 0; i < content.conversations; i++) {
    const messages = Array.from({ length: 6 }, () =>
      say('user', [
        ...Array.from({ length: 8 }, () => phrases[random.below(PHRASES)]!).flat(),
        random.below(50_000),
      ]),
    );
    await vault.store({ spec: spec(`c${content.seed}-${i}`), messages }, signal);
  }
}
