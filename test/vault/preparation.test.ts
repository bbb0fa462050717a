import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CompactInput } from '../../src/vault/index.js';
import { type Preparation, preparing } from '../../src/vault/maintain/preparation.js';
import { fillWithPhrases } from '../support/phrases.js';
import { openStoredVault } from '../support/stored-vault.js';
import { collectAll, signal, type TestVault } from '../support/vault.js';

describe('what comes before a plan', () => {
  let t: TestVault;
  beforeEach(async () => {
    t = await openStoredVault('lmdb');
    await fillWithPhrases(t.vault, { conversations: 150, seed: 1, phraseSeed: 1 });
  });
  afterEach(() => t.close());

  const phasesBefore = (parts: readonly { readonly kind: string }[]) => {
    const told = parts.filter((part) => part.kind === 'preparation') as Preparation[];
    expect(parts.slice(0, told.length)).toEqual(told);
    for (const { done, total } of told) expect(done).toBeLessThanOrEqual(total);
    return [...new Set(told.map(({ phase }) => phase))];
  };

  it('of a compaction is told where it is asked for, phase by phase', async () => {
    const input: CompactInput = {
      dryRun: true,
      minSavingsRatio: 0.05,
      segmentsMax: undefined,
      bytesMax: undefined,
      timeMsMax: undefined,
      resumeToken: '',
    };
    const told = await collectAll(t.vault.compact({ ...input, reportPreparation: true }, signal));
    expect(phasesBefore(told)).toEqual(['checking', 'sampling', 'training']);
    expect(told.at(-2)?.kind).toBe('plan');
    expect(phasesBefore(await collectAll(t.vault.compact(input, signal)))).toEqual([]);
  });

  it('of a collection is told where it is asked for', async () => {
    const options = { dryRun: true, minAgeMs: 0 };
    const told = await collectAll(t.vault.collectGarbage({ ...options, reportPreparation: true }, signal));
    expect(phasesBefore(told)).toEqual(['checking']);
    expect(phasesBefore(await collectAll(t.vault.collectGarbage(options, signal)))).toEqual([]);
  });
});

describe('preparing', () => {
  it('gives the result, and what failed', async () => {
    const tells = preparing(async (tell) => {
      tell('checking', 1, 2);
      return Promise.resolve(7);
    }, signal);
    for (;;) {
      const { done, value } = await tells.next();
      if (done) {
        expect(value).toBe(7);
        break;
      }
    }
    const fails = preparing(() => Promise.reject(new Error('lost')), signal);
    await expect(fails.next()).rejects.toThrow('lost');
  });

  it('stops the work when nobody takes any more, and waits for it', async () => {
    let stopped = false;
    const tells = preparing(
      (tell, stop) =>
        new Promise<void>((resolve) => {
          tell('checking', 0, 1);
          stop.addEventListener('abort', () => {
            setImmediate(() => {
              stopped = true;
              resolve();
            });
          });
        }),
      signal,
    );
    expect((await tells.next()).value).toMatchObject({ phase: 'checking' });
    await tells.return(undefined);
    expect(stopped).toBe(true);
  });
});
