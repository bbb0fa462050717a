import { countOf } from '../../../model/index.js';
import { type Codec, frameRegistryId } from '../../../codec/index.js';
import type { SegmentHash } from '../../../model/index.js';
import { readOrRefuse } from '../disk/disk.js';
import { hashOfName, listSegments } from '../disk/segment-tree.js';
import { holdersPath, metaPath, segmentFolder, segmentPath } from '../layout/paths.js';
import { decodeHolders, decodeSegment } from '../layout/records.js';
import {
  addFigures,
  type Figures,
  figuresOfHolders,
  figuresOfSegment,
  noFigures,
  type SegmentEntry,
} from '../vault-index/figures.js';
import { type RegistryUser, RegistryUses } from '../vault-index/registry-index.js';
import type { VaultIndex } from '../vault-index/vault-index.js';
import { checkRegistryUses } from './check-registries.js';
import type { CheckedVault, Findings, ReadFile } from './findings.js';
import type { Invariant } from '../../contract/invariants.js';

/**
 * Compares every sidecar and frame with the index and with the references, all of which were counted before.
 */
export async function checkSegments(
  vault: CheckedVault,
  counted: Counted,
  findings: Findings,
): Promise<void> {
  const read: ReadFile = (path) => readOrRefuse(vault.disk, path);
  for (const entry of vault.index.segments()) {
    const subject = `segment ${entry.hash}`;
    const report = (invariant: Invariant, detail: string) => findings.report(invariant, subject, detail);
    const references = counted.references(entry.hash);
    if (references !== entry.references) {
      report('reference-counts', `${entry.references} references are kept, ${references} were counted`);
    }
    await findings.guarded('sidecar', subject, () =>
      checkSidecar(read, entry, (detail) => report('sidecar', detail)),
    );
    await findings.guarded('frame', subject, async () => {
      const use = await checkFrame(read, vault.codec, entry, (detail) => report('frame', detail));
      if (use) counted.uses.count(use, 1);
    });
    counted.add(figuresOfSegment(entry));
    findings.progress();
  }
  await findStrayFiles(vault, findings);
}

export async function checkSidecar(
  read: ReadFile,
  entry: SegmentEntry,
  report: (detail: string) => void,
): Promise<void> {
  const bytes = await read(metaPath(entry.hash));
  if (!bytes) return report('it has none');
  const kept = decodeSegment(bytes);
  if (bytes.length !== entry.sidecarBytes) report('it has another length');
  for (const [name, value] of Object.entries(kept)) {
    if (value !== entry[name as keyof typeof kept]) report(`its ${name} is not as it was read before`);
  }
}

/** Returns what the frame counts for with its registry; undefined if it is gone. */
export async function checkFrame(
  read: ReadFile,
  codec: Codec,
  { hash, tokenCount, frameBytes, registryId: registryKept }: SegmentEntry,
  report: (detail: string) => void,
): Promise<RegistryUser | undefined> {
  const frame = await read(segmentPath(hash));
  if (!frame) {
    report('its frame is gone');
    return undefined;
  }
  if (frame.length !== frameBytes) report(`${frame.length} bytes, not the ${frameBytes} that are kept`);
  const registryId = frameRegistryId(frame) ?? 0;
  if (registryId !== registryKept) {
    report(`it names registry ${registryId}, not the ${registryKept} that is kept`);
  }
  if (codec.hashOf(frame) !== hash) report('its frame holds other tokens');
  const decoded = codec.decode(frame).tokenCount;
  if (decoded !== tokenCount) report(`${countOf(decoded, 'token')}, not the ${tokenCount} that are kept`);
  return { registryId, tokenCount, frameBytes: frame.length };
}

async function findStrayFiles(
  { disk, index, damagedHolders }: CheckedVault,
  findings: Findings,
): Promise<void> {
  const withHolders = new Set([...index.holderBytes()].map(([hash]) => hash));
  for await (const { names, others } of listSegments(disk)) {
    for (const name of names) {
      const hash = hashOfName(name);
      const path = `${segmentFolder(hash)}/${name}`;
      const isKnown =
        path === holdersPath(hash)
          ? withHolders.has(hash) || damagedHolders.has(hash)
          : index.segment(hash) !== undefined;
      if (!isKnown) findings.stray(path);
    }
    for (const path of others) findings.stray(path);
  }
}

/** Compares every file of outside holders with the index. */
export async function checkHolders(vault: CheckedVault, counted: Counted, findings: Findings): Promise<void> {
  const { disk, index } = vault;
  for (const [hash, bytesKept] of index.holderBytes()) {
    const subject = `segment ${hash}`;
    const report = (detail: string) => findings.report('holders', subject, detail);
    await findings.guarded('holders', subject, async () => {
      const bytes = await readOrRefuse(disk, holdersPath(hash));
      if (!bytes) return report('the file of its holders is gone');
      if (bytes.length !== bytesKept) report('their file has another length');
      counted.refer(hash, new Set(decodeHolders(bytes, hash)).size);
    });
    counted.add(figuresOfHolders(bytesKept));
  }
  reportDamagedHolders(vault, findings);
}

/** Reports the files of holders that could not be read when the vault was opened. */
export function reportDamagedHolders({ damagedHolders }: CheckedVault, findings: Findings): void {
  for (const [hash, detail] of damagedHolders) findings.report('holders', `segment ${hash}`, detail);
}

/** Counts of a check on its way through the files, to be compared with the stored ones. */
export class Counted {
  readonly uses = new RegistryUses();
  readonly #references = new Map<SegmentHash, number>();
  #figures = noFigures;

  add(figures: Figures): void {
    this.#figures = addFigures(this.#figures, figures, 1);
  }

  refer(hash: SegmentHash, references: number): void {
    this.#references.set(hash, this.references(hash) + references);
  }

  references(hash: SegmentHash): number {
    return this.#references.get(hash) ?? 0;
  }

  /** Compares the counts, at the end. */
  compare(index: VaultIndex, findings: Findings): void {
    for (const [hash, references] of this.#references) {
      if (index.segment(hash)) continue;
      const detail = `${references} manifests or holders refer to it, and it is not stored`;
      findings.report('manifest-segments', `segment ${hash}`, detail);
    }
    checkRegistryUses(index.registries, this.uses, (id, detail) => {
      findings.report('registries', `registry ${id}`, detail);
    });
    for (const name of Object.keys(noFigures) as (keyof Figures)[]) {
      const [kept, counted] = [index.figures[name], this.#figures[name]];
      if (kept !== counted) findings.report('statistics', name, `${kept} is kept, ${counted} was counted`);
    }
  }
}
