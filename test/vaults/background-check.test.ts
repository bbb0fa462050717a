import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadCore } from '../../src/core/index.js';
import { type Damage, openFilesystemBackend, openLmdbBackend } from '../../src/storage/index.js';
import {
  BackgroundCheck,
  FolderCatalogue,
  healthOf,
  OpenVaults,
  StoredVault,
  type VaultOpener,
} from '../../src/vaults/index.js';
import { overwriteInPlace } from '../support/damage.js';
import { sharedSearchThreads, sharedTokenizers } from '../support/threads.js';
import { say, signal, spec } from '../support/vault.js';

const HOUR = 3_600_000;
const CONVERSATIONS = 120;
/** Tokens that do not compress, and take less as varints than as four bytes: a frame has their varints. */
const tokensOf = (n: number) =>
  Array.from({ length: 200 }, (_, at) => (Math.imul(n * 200 + at + 1, 0x9e3779b1) >>> 0) % 2 ** 20);

let folder: string;
let nowMs: number;
let rests: number;
/** Called at each rest. */
let onRest: () => void;
let found: Damage[];
let mended: Damage[];
let errors: unknown[];
beforeEach(() => {
  folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'stowken-check-'));
  nowMs = 1_700_000_000_000;
  rests = 0;
  onRest = () => undefined;
  [found, mended, errors] = [[], [], []];
});
afterEach(() => rmSync(folder, { recursive: true }));

describe.each(['lmdb', 'filesystem'] as const)('the background check of a vault in %s', (kind) => {
  let vaults: OpenVaults<StoredVault>;

  async function open(): Promise<void> {
    const core = await loadCore();
    const clock = () => nowMs;
    const opener: VaultOpener = {
      catalogue: new FolderCatalogue(folder),
      core,
      tokenizers: sharedTokenizers(),
      searchThreads: sharedSearchThreads(),
      clock,
      defaults: { prefixIndex: true, autoCompact: false },
      readOnly: false,
      checks: [],
      openBackend: async (given, { codec }) =>
        kind === 'lmdb'
          ? openLmdbBackend({ folder: given!, codec, clock, durability: 'relaxed' })
          : openFilesystemBackend({ folder: given!, codec, core, clock, fsync: false }),
      onCompacted: () => undefined,
      onCompactionFailed: () => undefined,
    };
    vaults = new OpenVaults({
      open: (name) => StoredVault.open(name, opener),
      openMax: 2,
      waitMs: 0,
      retryMs: 0,
    });
    (await vaults.use('default')).end();
  }

  /** A check whose parts are one stretch each, or the whole vault. */
  function createCheck(part: 'small' | 'whole'): BackgroundCheck {
    return new BackgroundCheck({
      vaults,
      intervalMs: HOUR,
      partBytesMin: part === 'small' ? 1 : 2 ** 30,
      clock: () => nowMs,
      rest: async () => {
        rests += 1;
        onRest();
      },
      onDamage: (_vault, damage) => found.push(...damage),
      onMended: (_vault, damage) => mended.push(...damage),
      onError: (_vault, error) => errors.push(error),
    });
  }

  async function store(): Promise<void> {
    const { vault, end } = await vaults.use('default');
    const stores = Array.from({ length: CONVERSATIONS }, (_, n) =>
      vault.store({ spec: spec(`c${n}`), messages: [say('user', tokensOf(n))] }, signal),
    );
    await Promise.all(stores);
    end();
  }

  const checkOf = () => vaults.openRuntime('default')!.check!;

  beforeEach(async () => {
    await open();
    await store();
  });
  afterEach(async () => {
    expect(errors).toEqual([]);
    await vaults.close();
  });

  it('goes through all of it part by part, an hour apart, and goes on after a restart', async () => {
    await createCheck('whole').look();
    const whole = { ...checkOf().counts };
    expect(whole).toMatchObject({ parts: 1, damaged: 0 });
    expect(whole.records).toBeGreaterThan(CONVERSATIONS);
    expect(checkOf().figures).toEqual({ damaged: 0, lastSuccessMs: nowMs, lastWholeMs: nowMs });
    // It rests after every stretch but the last.
    expect(rests).toBeGreaterThan(1);

    const firstMs = nowMs;
    let [records, parts] = [0, 0];
    rests = 0;
    while (checkOf().figures.lastWholeMs === firstMs) {
      const before = { ...checkOf().counts };
      await createCheck('small').look();
      expect(checkOf().counts.parts, 'it is not time yet').toBe(before.parts);
      nowMs += HOUR;
      await createCheck('small').look();
      expect(checkOf().counts.parts).toBe(before.parts + 1);
      parts += 1;
      records += checkOf().counts.records - before.records;
      if (parts % 2 === 0) continue;
      await vaults.close();
      await open();
    }
    expect(parts).toBeGreaterThan(2);
    expect(records).toBe(whole.records);
    expect(rests).toBe(0);
    expect(found).toEqual([]);
  });

  it('finds damage, names it in the health also after a restart, and forgets what is whole again', async () => {
    // A vault of files puts them in place now.
    expect(await vaults.openRuntime('default')!.backend.check()).toEqual([]);
    const mend = damage(kind, folder, 7);
    await createCheck('whole').look();
    expect(found).not.toEqual([]);
    expect(JSON.stringify(found)).toMatch(/checksum|other tokens|indexed|damaged/);
    const count = checkOf().figures.damaged;
    expect(count).toBe(found.length);
    for (const restarted of [false, true]) {
      if (restarted) {
        await vaults.close();
        await open();
      }
      const health = healthOf(vaults.states());
      expect(health.writable, 'the rest of the vault is served').toBe(true);
      expect(health.vaults.get('default')?.damage).toContain(`${count} damaged record`);
    }
    // The same damage is told once.
    found = [];
    nowMs += HOUR;
    await createCheck('whole').look();
    expect(found).toEqual([]);

    mend();
    await createCheck('whole').look();
    expect(mended).toHaveLength(count);
    expect(healthOf(vaults.states()).vaults.get('default')?.damage).toBeUndefined();
  });

  it('is not held up by a clock that was set back', async () => {
    await createCheck('small').look();
    nowMs -= 1000 * HOUR;
    await createCheck('small').look();
    expect(checkOf().counts.parts).toBe(2);
  });

  it('lets a vault be closed and deleted in the middle, and stops with the server', async () => {
    const { counts } = checkOf();
    let closed: Promise<void> | undefined;
    onRest = () => void (closed ??= vaults.close());
    await createCheck('whole').look();
    expect(counts.parts).toBe(0);
    await closed;
    await open();
    const check = createCheck('whole');
    nowMs += HOUR;
    onRest = () => void check.stop();
    await check.look();
    expect(checkOf().counts.parts).toBe(0);
    expect(checkOf().figures.lastSuccessMs).toBeUndefined();
  });
});

/** Damages the frame of a conversation; returns what mends it. */
function damage(kind: 'lmdb' | 'filesystem', where: string, n: number): () => void {
  const needle = varints(tokensOf(n).slice(20, 30));
  if (kind === 'lmdb') return overwriteInPlace(join(where, 'vault.mdb'), needle);
  const files = readdirSync(join(where, 'segments'), { recursive: true, encoding: 'utf8' })
    .map((name) => join(where, 'segments', name))
    .filter((path) => /[0-9a-f]{64}$/.test(path));
  const path = files.find((each) => readFileSync(each).includes(needle))!;
  const bytes = readFileSync(path);
  const broken = Buffer.from(bytes);
  broken[broken.indexOf(needle) + 2]! ^= 0x10;
  writeFileSync(path, broken);
  return () => writeFileSync(path, bytes);
}

function varints(tokens: readonly number[]): Buffer {
  const bytes: number[] = [];
  for (const token of tokens) {
    let rest = token;
    for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
    bytes.push(rest);
  }
  return Buffer.from(bytes);
}
