import { countOf } from '../../../model/index.js';
import { isDeepStrictEqual } from 'node:util';
import type { SegmentHash } from '../../../model/index.js';
import { distinctHashes } from '../../shared/records.js';
import { readOrRefuse } from '../disk/disk.js';
import { decodeManifest } from '../layout/manifest-record.js';
import { manifestName, manifestPath, MANIFESTS } from '../layout/paths.js';
import { type ConversationEntry, figuresOfConversation } from '../vault-index/figures.js';
import type { VaultIndex } from '../vault-index/vault-index.js';
import type { CheckedVault, Findings, ReadFile } from './findings.js';
import type { Counted } from './check-segments.js';
import type { Invariant } from '../../contract/invariants.js';

/** Compares every manifest with the index, and its segments with those stored. */
export async function checkManifests(
  vault: CheckedVault,
  counted: Counted,
  findings: Findings,
): Promise<void> {
  const { disk, index, damagedManifests } = vault;
  const read: ReadFile = (path) => readOrRefuse(disk, path);
  const expected = new Set<string>();
  let lastStoreTimeMs = -Infinity;
  for (const entry of index.inOrder(false, 0)) {
    const { id, storeTimeMs } = entry.conversation;
    const subject = `conversation ${id}`;
    expected.add(manifestName(id));
    const report = (invariant: Invariant, detail: string) => findings.report(invariant, subject, detail);
    await findings.guarded('manifest', subject, async () => {
      const hashes = await checkManifest(read, index, entry, report);
      for (const hash of hashes) counted.refer(hash, 1);
    });
    if (storeTimeMs < lastStoreTimeMs) {
      report('manifest', 'was stored before the conversation that precedes it');
    }
    lastStoreTimeMs = storeTimeMs;
    counted.add(figuresOfConversation(entry));
    findings.progress();
  }
  for (const { name } of await disk.list(MANIFESTS)) {
    const path = `${MANIFESTS}/${name}`;
    const detail = damagedManifests.get(name);
    if (detail !== undefined) findings.report('manifest', path, detail);
    else if (!expected.has(name)) findings.stray(path);
  }
}

/** Returns the segments that the manifest names. */
export async function checkManifest(
  read: ReadFile,
  index: VaultIndex,
  entry: ConversationEntry,
  report: (invariant: Invariant, detail: string) => void,
): Promise<ReadonlySet<SegmentHash>> {
  const bytes = await read(manifestPath(entry.conversation.id));
  if (!bytes) {
    report('manifest', 'its manifest is gone');
    return new Set();
  }
  if (bytes.length !== entry.manifestBytes) report('manifest', 'it has another length');
  const { number, conversation, messages } = decodeManifest(bytes);
  if (!isDeepStrictEqual(plain([number, conversation]), plain([entry.number, entry.conversation]))) {
    report('manifest', 'its manifest says something else than when it was read before');
  }
  for (const { hash, tokenCount } of messages.flatMap(({ segments }) => segments)) {
    const stored = index.segment(hash)?.tokenCount ?? tokenCount;
    if (stored === tokenCount) continue;
    report('manifest-segments', `segment ${hash} has ${countOf(stored, 'token')}, not ${tokenCount}`);
  }
  return distinctHashes(messages);
}

/** Returns a value without absent fields: they and the order of fields say nothing. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
