import { frameRegistryId, type Codec } from '../../../codec/index.js';
import { isStowkenError, StowkenError, type SegmentHash } from '../../../model/index.js';
import type { CheckOptions, Violation } from '../../checks.js';
import { distinctHashes } from '../../content.js';
import { readOrRefuse, type Disk } from '../disk/disk.js';
import { listSegments } from '../disk/segment-tree.js';
import { isOwnerFile } from '../layout/owner-files.js';
import {
  holdersPath,
  journalNumber,
  manifestName,
  manifestPath,
  MANIFESTS,
  metaPath,
  REGISTRIES,
  REQUESTS,
  segmentFolder,
  segmentPath,
  SEGMENTS,
  TEMPORARY,
  VAULT_FILE,
} from '../layout/paths.js';
import { decodeHolders, decodeManifest, decodeSegment, decodeVault } from '../layout/records.js';
import { RegistryUses } from '../vault-index/registry-index.js';
import { checkRequests } from '../vault-index/requests.js';
import {
  addFigures,
  figuresOfConversation,
  figuresOfHolders,
  figuresOfSegment,
  noFigures,
  type ConversationEntry,
  type Figures,
  type SegmentEntry,
  type VaultIndex,
} from '../vault-index/vault-index.js';
import { checkRegistryFiles, checkRegistryUses, strayRegistryFiles } from './check-registries.js';

export interface CheckedVault {
  readonly disk: Disk;
  readonly codec: Codec;
  readonly index: VaultIndex;
  readonly vaultId: string;
  readonly damagedManifests: ReadonlyMap<string, string>;
  readonly damagedHolders: ReadonlyMap<SegmentHash, string>;
}

/** Files that a vault's folder may hold besides ours: file systems make them. */
const FOREIGN_FILES: ReadonlySet<string> = new Set(['lost+found']);

/**
 * Reads every file again and compares it with the index, decodes every frame, and names files that are not the
 * vault's. Needs a vault that stands still and has all its files in place.
 */
export async function checkVault(vault: CheckedVault, options: CheckOptions): Promise<Violation[]> {
  if (options.depth === 'records') return damagedRecords(vault);
  const check = new Check(vault, options);
  await check.root();
  await check.registries();
  await check.requests();
  await check.manifests();
  await check.holders();
  await check.segments();
  check.figures();
  return check.violations;
}

/** All else was made from the files when the vault was opened. */
function damagedRecords({ damagedManifests, damagedHolders }: CheckedVault): Violation[] {
  return [
    ...[...damagedManifests].map(([name, detail]) => ({
      invariant: 'manifest',
      subject: `${MANIFESTS}/${name}`,
      detail,
    })),
    ...[...damagedHolders].map(([hash, detail]) => ({
      invariant: 'holders',
      subject: `segment ${hash}`,
      detail,
    })),
  ];
}

class Check {
  readonly violations: Violation[] = [];
  readonly #references = new Map<SegmentHash, number>();
  readonly #total: number;
  readonly #uses = new RegistryUses();
  #counted: Figures = noFigures;
  #done = 0;

  constructor(
    private readonly vault: CheckedVault,
    private readonly options: CheckOptions,
  ) {
    const { segments, conversations } = vault.index.figures;
    this.#total = segments + conversations;
  }

  async root(): Promise<void> {
    const { disk, vaultId, index } = this.vault;
    for (const { name, isFolder } of await disk.list('')) {
      if (FOREIGN_FILES.has(name)) continue;
      const known = isFolder
        ? [SEGMENTS, MANIFESTS, REGISTRIES, REQUESTS, TEMPORARY].includes(name)
        : name === VAULT_FILE || journalNumber(name) !== undefined || isOwnerFile(name);
      if (!known) this.#stray(name);
    }
    for (const { name } of await disk.list(TEMPORARY)) this.#stray(`${TEMPORARY}/${name}`);
    await this.#guarded('vault', VAULT_FILE, async () => {
      const kept = decodeVault((await readOrRefuse(disk, VAULT_FILE)) ?? new Uint8Array(0));
      if (kept.vaultId !== vaultId) this.#report('vault', VAULT_FILE, 'it has another vault id');
      for (const name of ['nextSegment', 'nextConversation', 'lastCreateTimeMs'] as const) {
        if (kept[name] > index[name])
          this.#report('vault', VAULT_FILE, `its ${name} is ahead, ${kept[name]}`);
      }
    });
  }

  async registries(): Promise<void> {
    const { disk, index } = this.vault;
    for (const entry of index.registries.entries()) {
      const subject = `registry ${entry.id}`;
      await this.#guarded('registries', subject, () =>
        checkRegistryFiles(disk, entry, (detail) => this.#report('registries', subject, detail)),
      );
    }
    for (const path of await strayRegistryFiles(disk, index.registries)) this.#stray(path);
  }

  async requests(): Promise<void> {
    const { disk, index } = this.vault;
    await checkRequests(disk, index.requests, (path, detail) => this.#report('requests', path, detail));
  }

  async manifests(): Promise<void> {
    const { disk, index, damagedManifests } = this.vault;
    const expected = new Set<string>();
    let lastCreateTimeMs = -Infinity;
    for (const entry of index.inOrder(false, 0)) {
      const { id, createTimeMs } = entry.conversation;
      expected.add(manifestName(id));
      await this.#guarded('manifest', `conversation ${id}`, () => this.#manifest(entry));
      if (createTimeMs < lastCreateTimeMs) {
        this.#report(
          'manifest',
          `conversation ${id}`,
          'was created before the conversation that precedes it',
        );
      }
      lastCreateTimeMs = createTimeMs;
      this.#counted = addFigures(this.#counted, figuresOfConversation(entry), 1);
      this.#progress();
    }
    for (const { name } of await disk.list(MANIFESTS)) {
      const detail = damagedManifests.get(name);
      if (detail !== undefined) this.#report('manifest', `${MANIFESTS}/${name}`, detail);
      else if (!expected.has(name)) this.#stray(`${MANIFESTS}/${name}`);
    }
  }

  async holders(): Promise<void> {
    const { disk, index, damagedHolders } = this.vault;
    for (const [hash, bytesKept] of index.holderBytes()) {
      const subject = `segment ${hash}`;
      await this.#guarded('holders', subject, async () => {
        const bytes = await readOrRefuse(disk, holdersPath(hash));
        if (!bytes) return this.#report('holders', subject, 'the file of its holders is gone');
        if (bytes.length !== bytesKept) this.#report('holders', subject, 'their file has another length');
        this.#refer(hash, new Set(decodeHolders(bytes, hash)).size);
      });
      this.#counted = addFigures(this.#counted, figuresOfHolders(bytesKept), 1);
    }
    for (const [hash, detail] of damagedHolders) this.#report('holders', `segment ${hash}`, detail);
  }

  async segments(): Promise<void> {
    const { disk, index, damagedHolders } = this.vault;
    for (const entry of index.segments()) {
      await this.#guarded('frame', `segment ${entry.hash}`, () => this.#segment(entry));
      this.#counted = addFigures(this.#counted, figuresOfSegment(entry), 1);
      this.#progress();
    }
    const withHolders = new Set([...index.holderBytes()].map(([hash]) => hash));
    for await (const { names, others } of listSegments(disk)) {
      for (const name of names) {
        const hash = name.slice(0, 64);
        const path = `${segmentFolder(hash)}/${name}`;
        const isHolders = path === holdersPath(hash);
        const known = isHolders ? withHolders.has(hash) || damagedHolders.has(hash) : index.segment(hash);
        if (known === undefined || known === false) this.#stray(path);
      }
      for (const path of others) this.#stray(path);
    }
    for (const [hash, references] of this.#references) {
      if (index.segment(hash)) continue;
      const detail = `${references} manifests or holders refer to it, and it is not stored`;
      this.#report('manifest-segments', `segment ${hash}`, detail);
    }
  }

  figures(): void {
    const { figures, registries } = this.vault.index;
    checkRegistryUses(registries, this.#uses, (id, detail) => {
      this.#report('registries', `registry ${id}`, detail);
    });
    for (const name of Object.keys(noFigures) as (keyof Figures)[]) {
      if (figures[name] === this.#counted[name]) continue;
      this.#report('statistics', name, `${figures[name]} is kept, ${this.#counted[name]} was counted`);
    }
  }

  async #manifest(entry: ConversationEntry): Promise<void> {
    const { disk, index } = this.vault;
    const subject = `conversation ${entry.conversation.id}`;
    const bytes = await readOrRefuse(disk, manifestPath(entry.conversation.id));
    if (!bytes) return this.#report('manifest', subject, 'its manifest is gone');
    if (bytes.length !== entry.manifestBytes) this.#report('manifest', subject, 'it has another length');
    const { number, conversation, messages } = decodeManifest(bytes);
    if (JSON.stringify([number, conversation]) !== JSON.stringify([entry.number, entry.conversation])) {
      this.#report('manifest', subject, 'its manifest says something else than when it was read before');
    }
    for (const hash of distinctHashes(messages)) this.#refer(hash, 1);
    for (const { hash, tokenCount } of messages.flatMap(({ segments }) => segments)) {
      const stored = index.segment(hash)?.tokenCount ?? tokenCount;
      if (stored === tokenCount) continue;
      this.#report('manifest-segments', subject, `segment ${hash} has ${stored} tokens, not ${tokenCount}`);
    }
  }

  async #segment(entry: SegmentEntry): Promise<void> {
    const { disk, codec } = this.vault;
    const { hash } = entry;
    const subject = `segment ${hash}`;
    const references = this.#references.get(hash) ?? 0;
    if (references !== entry.references) {
      const detail = `${entry.references} references are kept, ${references} were counted`;
      this.#report('reference-counts', subject, detail);
    }
    await this.#guarded('sidecar', subject, async () => {
      const bytes = await readOrRefuse(disk, metaPath(hash));
      if (!bytes) return this.#report('sidecar', subject, 'it has none');
      const kept = decodeSegment(bytes);
      if (bytes.length !== entry.sidecarBytes) this.#report('sidecar', subject, 'it has another length');
      for (const [name, value] of Object.entries(kept)) {
        if (value === entry[name as keyof typeof kept]) continue;
        this.#report('sidecar', subject, `its ${name} is not as it was read before`);
      }
    });
    const frame = await readOrRefuse(disk, segmentPath(hash));
    if (!frame) return this.#report('frame', subject, 'its frame is gone');
    if (frame.length !== entry.frameBytes) {
      this.#report('frame', subject, `${frame.length} bytes, not the ${entry.frameBytes} that are kept`);
    }
    const registryId = frameRegistryId(frame) ?? 0;
    if (registryId !== entry.registryId) {
      this.#report(
        'frame',
        subject,
        `it names registry ${registryId}, not the ${entry.registryId} that is kept`,
      );
    }
    this.#uses.count({ registryId, tokenCount: entry.tokenCount, frameBytes: frame.length }, 1);
    if (codec.hashOf(frame) !== hash) this.#report('frame', subject, 'its frame holds other tokens');
    const { tokenCount } = codec.decode(frame);
    if (tokenCount !== entry.tokenCount) {
      this.#report('frame', subject, `${tokenCount} tokens, not the ${entry.tokenCount} that are kept`);
    }
  }

  #refer(hash: SegmentHash, references: number): void {
    this.#references.set(hash, (this.#references.get(hash) ?? 0) + references);
  }

  /** Reports a record that does not decode, and goes on. */
  async #guarded(invariant: string, subject: string, look: () => Promise<void>): Promise<void> {
    try {
      await look();
    } catch (error) {
      if (!isStowkenError(error)) throw error;
      this.#report(invariant, subject, error.message);
    }
  }

  #stray(path: string): void {
    this.#report('stray-file', path, 'it is not part of the vault, and is ignored');
  }

  #report(invariant: string, subject: string, detail: string): void {
    this.violations.push({ invariant, subject, detail });
  }

  #progress(): void {
    const { onProgress, signal } = this.options;
    if (signal?.aborted) throw new StowkenError('CANCELLED', 'the check was cancelled');
    this.#done += 1;
    onProgress?.(this.#done, this.#total);
  }
}
