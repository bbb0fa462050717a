import { isDeepStrictEqual } from 'node:util';
import { distinctHashes } from '../../shared/records.js';
import { readOrRefuse } from '../disk/disk.js';
import { decodeManifest } from '../layout/manifest-record.js';
import { manifestName, manifestPath, MANIFESTS } from '../layout/paths.js';
import { type ConversationEntry, figuresOfConversation } from '../vault-index/figures.js';
import type { CheckedVault, Findings } from './findings.js';
import type { Counted } from './check-segments.js';

/** Compares every manifest with the index, and its segments with those stored. */
export async function checkManifests(
  vault: CheckedVault,
  counted: Counted,
  findings: Findings,
): Promise<void> {
  const { disk, index, damagedManifests } = vault;
  const expected = new Set<string>();
  let lastCreateTimeMs = -Infinity;
  for (const entry of index.inOrder(false, 0)) {
    const { id, createTimeMs } = entry.conversation;
    const subject = `conversation ${id}`;
    expected.add(manifestName(id));
    const report = (invariant: string, detail: string) => findings.report(invariant, subject, detail);
    await findings.guarded('manifest', subject, () => checkManifest(vault, entry, counted, report));
    if (createTimeMs < lastCreateTimeMs) {
      report('manifest', 'was created before the conversation that precedes it');
    }
    lastCreateTimeMs = createTimeMs;
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

async function checkManifest(
  { disk, index }: CheckedVault,
  entry: ConversationEntry,
  counted: Counted,
  report: (invariant: string, detail: string) => void,
): Promise<void> {
  const bytes = await readOrRefuse(disk, manifestPath(entry.conversation.id));
  if (!bytes) return report('manifest', 'its manifest is gone');
  if (bytes.length !== entry.manifestBytes) report('manifest', 'it has another length');
  const { number, conversation, messages } = decodeManifest(bytes);
  if (!isDeepStrictEqual(plain([number, conversation]), plain([entry.number, entry.conversation]))) {
    report('manifest', 'its manifest says something else than when it was read before');
  }
  for (const hash of distinctHashes(messages)) counted.refer(hash, 1);
  for (const { hash, tokenCount } of messages.flatMap(({ segments }) => segments)) {
    const stored = index.segment(hash)?.tokenCount ?? tokenCount;
    if (stored === tokenCount) continue;
    report('manifest-segments', `segment ${hash} has ${stored} tokens, not ${tokenCount}`);
  }
}

/** Returns a value without absent fields: they and the order of fields say nothing. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
