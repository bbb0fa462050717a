import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { connect } from '../../src/client/index.js';
import { definitions } from '../../src/metrics/index.js';
import { startStowken } from '../support/process.js';
import { scrape } from '../support/prometheus.js';
import { eventually } from '../support/wait.js';
import { TestClient } from '../rpc/support/client.js';

const folder = mkdtempSync(join(tmpdir(), 'stowken-metrics-'));
afterAll(() => rmSync(folder, { recursive: true }));

const service = 'stowken.v1.ConversationService';
const calls = 'rpc_server_call_duration_seconds_count';
const labelsOf = (method: string, code: string) => ({
  rpc_system_name: 'grpc',
  rpc_method: `${service}/${method}`,
  rpc_response_status_code: code,
});

describe.each([
  ['one process', []],
  ['two workers', ['--workers', '2']],
])('the metrics of a server of %s', (name, flags) => {
  it('count every call by its method and status, of all processes together', async () => {
    const server = await startStowken('--data', join(folder, name), '--metrics', '127.0.0.1:0', ...flags);
    // Connections are spread over the workers.
    const clients = Array.from({ length: 4 }, () => connect({ server: server.address }));
    try {
      const count = 40;
      for (let n = 0; n < count; n += 1)
        await clients[n % 4]!.store({
          conversation: { id: `secret-id-${n}`, application: 'secret-application', model: 'secret-model' },
          messages: [{ role: 'user', tokens: [n, n + 1] }],
        });
      await clients[0]!.delete('secret-id-0');
      for (let n = 0; n < 3; n += 1)
        await expect(clients[n]!.delete('secret-missing')).rejects.toMatchObject({
          reason: 'CONVERSATION_NOT_FOUND',
        });
      // A call is counted when its status is sent, which may be a moment after its client has it.
      const found = await eventually(async () => {
        const found = await scrape(server.metrics);
        expect(found.sum(calls, labelsOf('StoreConversation', 'OK'))).toBe(count);
        expect(found.sum(calls, labelsOf('DeleteConversation', 'OK'))).toBe(1);
        expect(found.sum(calls, labelsOf('DeleteConversation', 'NOT_FOUND'))).toBe(3);
        return found;
      });
      const method = { rpc_method: `${service}/StoreConversation` };
      // At least the ids and the gRPC heads, and far less than the same with everything twice.
      expect(found.sum('stowken_rpc_received_bytes_total', method)).toBeGreaterThan(count * 40);
      expect(found.sum('stowken_rpc_received_bytes_total', method)).toBeLessThan(count * 200);
      expect(found.sum('stowken_rpc_sent_bytes_total', method)).toBeGreaterThan(count * 20);
      const buckets = found.samples.filter(
        (sample) =>
          sample.name === 'rpc_server_call_duration_seconds_bucket' &&
          sample.labels['rpc_method'] === method.rpc_method,
      );
      expect(buckets.at(-1)).toMatchObject({ labels: { le: '+Inf' }, value: count });
      expect(buckets.map(({ value }) => value)).toEqual(
        buckets.map(({ value }) => value).sort((a, b) => a - b),
      );
      const inDefault = { vault: 'default' };
      const conversations = found.sum('stowken_vault_conversations', inDefault);
      expect(conversations).toBe(count - 1);
      expect(found.sum('stowken_vault_tokens', inDefault)).toBe(2 * (count - 1));
      expect(found.sum('stowken_vault_raw_bytes', inDefault)).toBe(8 * (count - 1));
      expect(found.sum('stowken_vault_garbage_segments', inDefault)).toBe(1);
      const [inUse, files, free] = ['in_use', 'file', 'free'].map((each) =>
        found.sum(`stowken_vault_${each}_bytes`, inDefault),
      );
      expect(inUse).toBeGreaterThan(4096);
      expect(free).toBe(files! - inUse!);
      // Each store was a commit of its own, because the next one began after its answer.
      expect(found.sum('stowken_commit_duration_seconds_count', inDefault)).toBeGreaterThan(count);
      expect(found.sum('stowken_commit_changes_sum', inDefault)).toBeGreaterThan(count);
      expect(found.sum('stowken_commit_failures_total')).toBe(0);
      expect(found.sum('stowken_readers')).toBe(0);
      const task = (task: string) => ({ vault: 'default', task });
      expect(found.sum('stowken_task_last_success_timestamp_seconds', task('gc'))).toBeUndefined();
      for await (const part of clients[1]!.collectGarbage({ minAgeMs: 0 })) void part;
      for await (const part of clients[2]!.verify()) void part;
      for await (const part of clients[3]!.compactSubstrings()) void part;
      for await (const part of clients[0]!.backup()) void part;
      const after = await eventually(async () => {
        const scraped = await scrape(server.metrics);
        for (const each of ['gc', 'verify', 'compaction', 'backup']) {
          const at = scraped.sum('stowken_task_last_success_timestamp_seconds', task(each));
          expect(at, each).toBeGreaterThan(Date.now() / 1000 - 3600);
          expect(scraped.sum('stowken_task_running', task(each)), each).toBe(0);
        }
        return scraped;
      });
      expect(after.sum('stowken_task_failures_total')).toBe(0);
      expect(after.sum('stowken_vault_garbage_segments', inDefault)).toBe(0);
      expect(after.sum('stowken_open_vaults')).toBe(1);
      expect(after.sum('stowken_vaults_refusing_writes')).toBe(0);
      expect(after.sum('stowken_disk_free_bytes')).toBeGreaterThan(0);
      expect(after.sum('stowken_workers')).toBe(flags.length === 0 ? undefined : 2);
      const text = await (await fetch(`http://${server.metrics}/metrics`)).text();
      expect(text).not.toContain('secret');
      const undocumented = after.names.filter((each) => !(each in definitions));
      expect(undocumented).toEqual([]);
      for (const [metric, type] of found.types)
        expect(definitions[metric as keyof typeof definitions].type).toBe(type);
    } finally {
      for (const client of clients) client.close();
      expect(await server.kill('SIGTERM')).toBe(0);
    }
  });

  it('say that it drains, while it finishes a call', async () => {
    const server = await startStowken('--data', join(folder, name), '--metrics', '127.0.0.1:0', ...flags);
    const client = new TestClient(server.address);
    const ready = async () => {
      const response = await fetch(`http://${server.metrics}/readyz`);
      return { status: response.status, text: await response.text() };
    };
    let isKilled = false;
    try {
      expect(await ready()).toEqual({ status: 200, text: 'serving\n' });
      const upload = client.upload('UploadConversation');
      upload.send({ spec: { conversation: { id: `drained ${name}` } } });
      upload.send({ message: { role: 'user' } });
      // The call is under way when the server knows of it.
      await eventually(async () => {
        const found = await scrape(server.metrics);
        expect(found.sum('stowken_rpc_calls_in_progress')).toBe(1);
        expect(found.sum('stowken_readers', { vault: 'default' })).toBe(1);
      });
      const exit = server.kill('SIGTERM');
      isKilled = true;
      await eventually(async () =>
        expect(await ready()).toEqual({ status: 503, text: 'the server is draining\n' }),
      );
      upload.send({ tokens: { tokens: { ids: [1, 2] } } });
      upload.send({ finish: { total_tokens: 2 } });
      upload.call.end();
      expect(await upload.response).toMatchObject({ conversation: { total_tokens: 2 } });
      client.close();
      expect(await exit).toBe(0);
      await expect(ready()).rejects.toThrow();
    } finally {
      client.close();
      if (!isKilled) await server.kill('SIGKILL');
    }
  });
});

describe('a server whose data file is taken away', () => {
  it('is not ready, and says so in its metrics', async () => {
    const data = join(folder, 'taken');
    const server = await startStowken('--data', data, '--metrics', '127.0.0.1:0');
    try {
      expect((await scrape(server.metrics)).sum('stowken_ready')).toBe(1);
      renameSync(join(data, 'vault.mdb'), join(folder, 'vault.mdb'));
      const answer = await eventually(async () => {
        const response = await fetch(`http://${server.metrics}/readyz`);
        expect(response.status).toBe(503);
        return response.text();
      });
      expect(answer).toBe('the vault default takes no writes: see the log\n');
      await eventually(async () => {
        const found = await scrape(server.metrics);
        expect(found.sum('stowken_ready')).toBe(0);
        expect(found.sum('stowken_vaults_refusing_writes', { vault: 'default' })).toBe(1);
      });
      expect((await fetch(`http://${server.metrics}/healthz`)).status).toBe(200);
    } finally {
      await server.kill('SIGKILL');
    }
  });
});

describe('the counts of a server with workers', () => {
  it('do not fall when a worker is killed', async () => {
    const server = await startStowken(
      ...['--data', join(folder, 'killed'), '--metrics', '127.0.0.1:0', '--workers', '2'],
    );
    const clients = Array.from({ length: 8 }, () => connect({ server: server.address }));
    try {
      for (const client of clients) await client.stats();
      const labels = { rpc_method: 'stowken.v1.MaintenanceService/GetStats' };
      const count = async () => (await scrape(server.metrics)).sum(calls, labels);
      await eventually(async () => expect(await count()).toBe(8));
      const children = childrenOf(server.child.pid!);
      expect(children.length).toBe(2);
      process.kill(children[0]!, 'SIGKILL');
      await eventually(() => expect(childrenOf(server.child.pid!)).not.toContain(children[0]));
      expect(await count()).toBe(8);
      // Its place is taken by another one, whose calls are added.
      await eventually(async () => {
        const fresh = connect({ server: server.address });
        await fresh.stats().finally(() => fresh.close());
      });
      await eventually(async () => expect(await count()).toBeGreaterThan(8));
    } finally {
      for (const client of clients) client.close();
      expect(await server.kill('SIGTERM')).toBe(0);
    }
  });
});

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number);
}
