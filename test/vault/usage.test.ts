import { expect, it } from 'vitest';
import { limits } from '../../src/model/index.js';
import {
  type StorageBackend,
  usageFigures,
  type UsageFigures,
  type UsageQuery,
} from '../../src/storage/index.js';
import { getUsage } from '../../src/vault/find/usage.js';

const figures = Object.fromEntries(usageFigures.map((each) => [each, 2 ** 50])) as unknown as UsageFigures;

/** Asks for usage of many applications, whose rows are counted as they are read. */
async function usageOf(count: number, text: string) {
  let read = 0;
  const backend = {
    async usage({ onRow }: UsageQuery): Promise<void> {
      for (; read < count; read += 1)
        onRow({
          timeMs: 0,
          application: `${read}`,
          model: '',
          tokenizer: '',
          labels: { key: text },
          figures,
        });
      return Promise.resolve();
    },
  } as unknown as StorageBackend;
  const input = { labels: ['key'], fromMs: 0, beforeMs: 1, timeZone: '' };
  const asked = getUsage(backend, { ...input, groupBy: ['application'] }, new AbortController().signal);
  const outcome = await asked.then(
    (rows) => ({ rows: rows.length }),
    (error: unknown) => error,
  );
  return { outcome, read };
}

it('is refused as soon as it has too many rows, or more bytes than clients take', async () => {
  expect(await usageOf(10, '')).toMatchObject({ outcome: { rows: 10 } });
  const advice = expect.stringMatching(/ask for less time, or group by fewer fields/) as unknown;
  const refused = { reason: 'REQUEST_TOO_LARGE', message: advice };
  expect(await usageOf(20_000, '')).toMatchObject({ outcome: refused, read: limits.usageRowsMax });
  const { outcome, read } = await usageOf(10_000, 'é'.repeat(4000));
  expect(outcome).toMatchObject({ ...refused, metadata: { limit: String(limits.usageAnswerBytesMax) } });
  expect(read).toBeLessThan(limits.usageAnswerBytesMax / 8000);
});
