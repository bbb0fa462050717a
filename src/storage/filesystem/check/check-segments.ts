import { frameRegistryId } from '../../../codec/index.js';
import { readOrRefuse } from '../disk/disk.js';
import { listSegments } from '../disk/segment-tree.js';
import { holdersPath, metaPath, segmentFolder, segmentPath } from '../layout/paths.js';
import { decodeSegment } from '../layout/records.js';
import type { SegmentEntry } from '../vault-index/entries.js';
import { figuresOfSegment } from '../vault-index/figures.js';
import type { CheckedVault } from './checked-vault.js';
import type { Counted } from './counted.js';
import type { Findings } from './findings.js';

/** Every sidecar and frame against the index and against who refers to it; all references are counted before. */
export async function checkSegments(
  vault: CheckedVault,
  counted: Counted,
  findings: Findings,
): Promise<void> {
  for (const entry of vault.index.segments()) {
    const subject = `segment ${entry.hash}`;
    const report = (invariant: string, detail: string) => findings.report(invariant, subject, detail);
    const references = counted.references(entry.hash);
    if (references !== entry.references) {
      report('reference-counts', `${entry.references} references are kept, ${references} were counted`);
    }
    await findings.guarded('sidecar', subject, () =>
      checkSidecar(vault, entry, (detail) => report('sidecar', detail)),
    );
    await findings.guarded('frame', subject, () =>
      checkFrame(vault, entry, counted, (detail) => report('frame', detail)),
    );
    counted.add(figuresOfSegment(entry));
    findings.progress();
  }
  await findStrayFiles(vault, findings);
}

async function checkSidecar(
  { disk }: CheckedVault,
  entry: SegmentEntry,
  report: (detail: string) => void,
): Promise<void> {
  const bytes = await readOrRefuse(disk, metaPath(entry.hash));
  if (!bytes) return report('it has none');
  const kept = decodeSegment(bytes);
  if (bytes.length !== entry.sidecarBytes) report('it has another length');
  for (const [name, value] of Object.entries(kept)) {
    if (value !== entry[name as keyof typeof kept]) report(`its ${name} is not as it was read before`);
  }
}

async function checkFrame(
  { disk, codec }: CheckedVault,
  { hash, tokenCount, frameBytes, registryId: registryKept }: SegmentEntry,
  counted: Counted,
  report: (detail: string) => void,
): Promise<void> {
  const frame = await readOrRefuse(disk, segmentPath(hash));
  if (!frame) return report('its frame is gone');
  if (frame.length !== frameBytes) report(`${frame.length} bytes, not the ${frameBytes} that are kept`);
  const registryId = frameRegistryId(frame) ?? 0;
  if (registryId !== registryKept) {
    report(`it names registry ${registryId}, not the ${registryKept} that is kept`);
  }
  counted.uses.count({ registryId, tokenCount, frameBytes: frame.length }, 1);
  if (codec.hashOf(frame) !== hash) report('its frame holds other tokens');
  const decoded = codec.decode(frame).tokenCount;
  if (decoded !== tokenCount) report(`${decoded} tokens, not the ${tokenCount} that are kept`);
}

async function findStrayFiles(
  { disk, index, damagedHolders }: CheckedVault,
  findings: Findings,
): Promise<void> {
  const withHolders = new Set([...index.holderBytes()].map(([hash]) => hash));
  for await (const { names, others } of listSegments(disk)) {
    for (const name of names) {
      const hash = name.slice(0, 64);
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
