import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFilesystemBackend, type ManagedBackend } from '../../../src/storage/index.js';
import { codec, core, segment, storing } from '../../contract/support.js';
import { messagesOf } from '../../support/snapshots.js';
import { asHash } from '../../support/hashes.js';
import type { SegmentHash } from '../../../src/model/index.js';

/**
 * Vaults in the layout of the Rust library, written by hand: its layout is known, its field names in part.
 */
describe('a vault that the Rust library wrote', () => {
  let folder: string;
  let backend: ManagedBackend;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stowken-rust-v1-'));
    await mkdir(join(folder, 'manifests'));
  });
  afterEach(async () => {
    await backend.close();
    await rm(folder, { recursive: true });
  });

  const open = async () => {
    backend = await openFilesystemBackend({ folder, codec, core, clock: () => 1_000 });
  };
  const wordsOf = (...tokens: number[]) => new Uint8Array(Uint32Array.from(tokens).buffer);
  const hashOf = (...tokens: number[]) =>
    createHash('sha256')
      .update(wordsOf(...tokens))
      .digest('hex');

  async function writeSegment(
    tokens: number[],
    sidecar?: object,
    data: Uint8Array = wordsOf(...tokens),
  ): Promise<SegmentHash> {
    const hash = asHash(hashOf(...tokens));
    const inFolder = join(folder, 'segments', hash.slice(0, 2), hash.slice(2, 4));
    await mkdir(inFolder, { recursive: true });
    await writeFile(join(inFolder, hash), data);
    if (sidecar) await writeFile(join(inFolder, `${hash}.meta`), JSON.stringify(sidecar));
    return hash;
  }
  const writeManifest = (name: string, manifest: unknown) =>
    writeFile(join(folder, 'manifests', `${name}.json`), JSON.stringify(manifest));
  const list = async () =>
    (await backend.listConversations({ filter: {}, order: 'oldestFirst', limit: 100, scanLimit: 100 }))
      .conversations;

  async function read(id: string) {
    const snapshot = await backend.openConversation(id);
    const messages = await messagesOf(snapshot!);
    snapshot!.release();
    return Promise.all(
      messages.map(async ({ segments, role, tokenCount }) => {
        const frames = await backend.readFrames(segments.map(({ key }) => key));
        const tokens = frames.flatMap((frame) => [...core.toTokens(codec.decode(frame).varints)]);
        expect(tokens).toHaveLength(tokenCount);
        return { role, tokens };
      }),
    );
  }

  it('is listed in order of its times, and its raw segments are read', async () => {
    const system = await writeSegment([1, 2, 3], { hash: hashOf(1, 2, 3), token_count: 3, ref_count: 2 });
    const user = await writeSegment([0xffffffff, 0], { token_count: 2, ref_count: 1 });
    const unused = await writeSegment([9], { token_count: 1, ref_count: 0 });
    await writeManifest('later', {
      schema_version: 1,
      id: 'later',
      application: null,
      model: 'gpt-4',
      tokenizer: 'cl100k_base',
      created_at: '2024-05-02T00:00:00.5Z',
      metadata: { task: '7', tries: 2 },
      messages: [
        { role: 'system', segments: [{ hash: system, token_count: 3 }] },
        { role: 'user', name: 'Ann', tool_call_id: null, segments: [user, system] },
      ],
    });
    await writeManifest('earlier', {
      id: 'earlier',
      model: 'gpt-4',
      tokenizer: 'cl100k_base',
      application: 'app',
      created_at: '2024-05-01T00:00:00+02:00',
      segments: [{ role: 'system', hash: system, token_count: 3 }],
    });
    await open();
    expect(await list()).toMatchObject([
      { id: 'earlier', application: 'app', createTimeMs: Date.UTC(2024, 3, 30, 22), totalTokens: 3 },
      {
        id: 'later',
        application: '',
        createTimeMs: Date.UTC(2024, 4, 2) + 500,
        messageCount: 2,
        totalTokens: 8,
        metadata: { task: '7', tries: '2' },
      },
    ]);
    expect(await read('later')).toEqual([
      { role: 'system', tokens: [1, 2, 3] },
      { role: 'user', tokens: [0xffffffff, 0, 1, 2, 3] },
    ]);
    expect(await read('earlier')).toEqual([{ role: 'system', tokens: [1, 2, 3] }]);
    expect(await backend.stats()).toMatchObject({
      conversations: 2,
      segments: 3,
      garbageSegments: 1,
      tokens: 11,
    });
    expect((await backend.findSegments([unused]))[0]).toMatchObject({ tokenCount: 1, frameBytes: 4 });
    expect(await backend.check()).toEqual([]);
  });

  it('takes what its bytes have the hash of: raw tokens or varints, with or without sidecar', async () => {
    const varints = new Uint8Array(core.fromTokens(Uint32Array.of(5, 300)).varints);
    const packed = await writeSegment([5, 300], { token_count: 2, encoding: 'varint' }, varints);
    const bare = await writeSegment([7, 8]);
    const bytes = [...Buffer.from(bare, 'hex')];
    await writeManifest('c', { id: 'c', messages: [{ role: 'user', hash: packed }, { hash: bytes }] });
    await open();
    expect((await read('c')).map(({ tokens }) => tokens)).toEqual([
      [5, 300],
      [7, 8],
    ]);
  });

  it('says of compressed and of damaged segments that they cannot be read, and gives no other tokens', async () => {
    const zstd = Buffer.of(0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x04, 0x21, 0x00);
    const hashes = [
      await writeSegment([1], { token_count: 1 }, zstd),
      await writeSegment([2, 3], { token_count: 2 }, wordsOf(2)),
      await writeSegment([4], { token_count: 1 }, new Uint8Array(0)),
    ];
    await writeManifest('c', {
      id: 'c',
      messages: hashes.map((hash) => ({ role: 'user', segments: [hash] })),
    });
    await open();
    for (const found of await backend.findSegments(hashes)) {
      await expect(backend.readFrames([found!.key])).rejects.toMatchObject({ reason: 'CORRUPT_SEGMENT' });
    }
    expect((await backend.check()).map(({ subject }) => subject).sort()).toEqual(
      hashes.map((hash) => `segment ${hash}`).sort(),
    );
  });

  it('is not changed: no store, no lock, no new file', async () => {
    const hash = await writeSegment([1], { token_count: 1 });
    await writeManifest('c', { id: 'c', messages: [{ role: 'user', segments: [hash] }] });
    const before = await readdir(folder, { recursive: true });
    await open();
    const other = await openFilesystemBackend({ folder, codec, core, clock: () => 0 });
    expect(other.vaultId).toBe(backend.vaultId);
    await other.close();
    await expect(backend.commit(storing('d', [segment(2)]))).rejects.toMatchObject({
      reason: 'WRITES_STOPPED',
    });
    expect(backend.health()).toMatchObject({ writable: false });
    await backend.close();
    expect(await readdir(folder, { recursive: true })).toEqual(before);
  });

  it.each([
    ['is cut off', '{"id":"c","mess'],
    ['has a date that is none', '{"id":"c","created_at":"yesterday"}'],
    ['names a segment by no hash', '{"id":"c","messages":[{"segments":["../../x"]}]}'],
    ['has no list of messages', '{"id":"c","messages":7}'],
  ])('is not listed in part: a manifest that %s is named', async (_, text) => {
    await writeFile(join(folder, 'manifests', 'c.json'), text);
    await writeManifest('whole', { id: 'whole', messages: [] });
    await open();
    await expect(list()).rejects.toMatchObject({
      reason: 'CORRUPT_STORE',
      metadata: { manifest: 'manifests/c.json' },
    });
    expect(await backend.getConversation('whole')).toBeDefined();
    expect(await backend.check()).toMatchObject([{ invariant: 'rust-v1-file', subject: 'manifests/c.json' }]);
  });

  it('names segments that are not stored', async () => {
    const missing = hashOf(1, 2);
    await writeManifest('c', { id: 'c', messages: [{ segments: [{ hash: missing, token_count: 2 }] }] });
    await open();
    expect(await list()).toMatchObject([{ id: 'c', totalTokens: 2 }]);
    const snapshot = await backend.openConversation('c');
    await expect(messagesOf(snapshot!)).rejects.toThrow(/is named and not stored/);
    expect(await backend.check()).toMatchObject([
      { invariant: 'manifest-segments', subject: `segment ${missing}` },
    ]);
  });
});
