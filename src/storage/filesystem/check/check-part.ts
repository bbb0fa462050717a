import { isStowkenError } from '../../../model/index.js';
import type { CheckedPart, CheckPartQuery, CheckPosition, Damage, Violation } from '../../contract/checks.js';
import { MANIFESTS } from '../layout/paths.js';
import { checkManifest } from './check-manifests.js';
import { checkRegistryFiles } from './check-registries.js';
import { checkFrame, checkSidecar } from './check-segments.js';
import type { CheckedVault, ReadFile } from './findings.js';
import type { Invariant } from '../../contract/invariants.js';

/** A record that a part may end with. */
interface Step {
  readonly position: CheckPosition;
  readonly bytes: number;
  /** Looks at the record as it is now; one that was deleted meanwhile is not damaged. */
  readonly look: () => Promise<Violation[]>;
}

type Section = (vault: CheckedVault, read: ReadFile, after: number) => Iterable<Step>;

/**
 * Checks the records that follow a position: registries, conversations and segments, each by its files. Files
 * may change while they are read, so a finding counts only if it is there when no commit is under way, which
 * `between` provides.
 */
export async function checkPart(
  vault: CheckedVault,
  read: ReadFile,
  between: (look: () => Promise<Violation[]>) => Promise<Violation[]>,
  { after, bytesMax, recordsMax = Infinity }: CheckPartQuery,
): Promise<CheckedPart> {
  const damage: Damage[] = [];
  let [records, bytes] = [0, 0];
  let before = after;
  for (const step of stepsAfter(vault, read, after)) {
    const found = (await step.look()).length === 0 ? [] : await between(step.look);
    const position = before ?? positionAt('opened', 0);
    damage.push(...found.map((violation) => ({ ...violation, before: position })));
    before = step.position;
    records += 1;
    bytes += step.bytes;
    if (bytes >= bytesMax || records >= recordsMax) return { records, bytes, damage, next: before };
  }
  return { records, bytes, damage, next: undefined };
}

const sections: Readonly<Record<string, Section>> = { opened, registries, conversations, segments };

function* stepsAfter(
  vault: CheckedVault,
  read: ReadFile,
  position: CheckPosition | undefined,
): Generator<Step, void, void> {
  const [, from = '', number = '0'] = /^(\w+):(\d+)$/.exec(position ?? '') ?? [];
  const names = Object.keys(sections);
  const first = Math.max(0, names.indexOf(from));
  for (const name of names.slice(first))
    yield* sections[name]!(vault, read, name === from ? Number(number) : 0);
}

function positionAt(section: string, number: number): CheckPosition {
  return `${section}:${number}` as CheckPosition;
}

/** Yields the files that did not decode when the vault was opened: the index does not have them. */
function* opened({ damagedManifests, damagedHolders }: CheckedVault, _read: ReadFile, after: number) {
  const found: Violation[] = [
    ...[...damagedManifests].map(([name, detail]) => ({
      invariant: 'manifest' as const,
      subject: `${MANIFESTS}/${name}`,
      detail,
    })),
    ...[...damagedHolders].map(([hash, detail]) => ({
      invariant: 'holders' as const,
      subject: `segment ${hash}`,
      detail,
    })),
  ];
  for (const [index, violation] of found.entries()) {
    if (index >= after)
      yield { position: positionAt('opened', index + 1), bytes: 0, look: async () => [violation] };
  }
}

function* registries({ index }: CheckedVault, read: ReadFile, after: number): Iterable<Step> {
  const ids = [...index.registries.entries()].map(({ id }) => id).sort((a, b) => a - b);
  for (const id of ids) {
    if (id <= after) continue;
    const look = () =>
      looking(`registry ${id}`, async (report) => {
        const entry = index.registries.get(id);
        if (entry) await checkRegistryFiles(read, entry, (detail) => report('registries', detail));
      });
    yield { position: positionAt('registries', id), bytes: index.registries.get(id)?.bytes ?? 0, look };
  }
}

function* conversations({ index }: CheckedVault, read: ReadFile, after: number): Iterable<Step> {
  for (const { number, manifestBytes, conversation } of index.inOrder(false, after)) {
    const { id } = conversation;
    const look = () =>
      looking(`conversation ${id}`, async (report) => {
        const entry = index.conversation(id);
        if (!entry) return;
        for (const hash of await checkManifest(read, index, entry, report))
          if (!index.segment(hash)) report('manifest-segments', `segment ${hash} is not stored`);
      });
    yield { position: positionAt('conversations', number), bytes: manifestBytes, look };
  }
}

function* segments({ index, codec }: CheckedVault, read: ReadFile, after: number): Iterable<Step> {
  for (let id = after + 1; id < index.nextSegment; id++) {
    const known = index.segmentById(id);
    if (!known) continue;
    const look = () =>
      looking(`segment ${known.hash}`, async (report) => {
        const entry = index.segmentById(id);
        if (!entry) return;
        await checkSidecar(read, entry, (detail) => report('sidecar', detail));
        await checkFrame(read, codec, entry, (detail) => report('frame', detail));
      });
    yield { position: positionAt('segments', id), bytes: known.frameBytes + known.sidecarBytes, look };
  }
}

/** Runs a look at a record and returns what it reports; an error of a damaged record is reported too. */
async function looking(
  subject: string,
  look: (report: (invariant: Invariant, detail: string) => void) => Promise<void>,
): Promise<Violation[]> {
  const found: Violation[] = [];
  try {
    await look((invariant, detail) => found.push({ invariant, subject, detail }));
  } catch (error) {
    if (!isStowkenError(error)) throw error;
    found.push({ invariant: 'record', subject, detail: error.message });
  }
  return found;
}
