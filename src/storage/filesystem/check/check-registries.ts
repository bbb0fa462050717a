import { type Disk, readOrRefuse } from '../disk/disk.js';
import { REGISTRIES, registryMetaPath, registryPath } from '../layout/paths.js';
import { decodeRegistry } from '../layout/records.js';
import type { RegistryEntry, RegistryIndex, RegistryUses } from '../vault-index/registry-index.js';
import type { CheckedVault, Findings, ReadFile } from './findings.js';

/** Checks every registry's files, and reports other files among them. */
export async function checkRegistries({ disk, index }: CheckedVault, findings: Findings): Promise<void> {
  const read: ReadFile = (path) => readOrRefuse(disk, path);
  for (const entry of index.registries.entries()) {
    const subject = `registry ${entry.id}`;
    await findings.guarded('registries', subject, () =>
      checkRegistryFiles(read, entry, (detail) => findings.report('registries', subject, detail)),
    );
  }
  for (const path of await strayRegistryFiles(disk, index.registries)) findings.stray(path);
}

/**
 * Reads a registry's files again and compares them with the index.
 * @throws StowkenError if they are damaged
 */
export async function checkRegistryFiles(
  read: ReadFile,
  { id, bytes, createTimeMs, sidecarBytes }: RegistryEntry,
  report: (detail: string) => void,
): Promise<void> {
  const registry = await read(registryPath(id));
  const sidecar = await read(registryMetaPath(id));
  if (!registry || !sidecar) return report(registry ? 'its sidecar is gone' : 'it is gone');
  if (registry.length !== bytes || sidecar.length !== sidecarBytes) report('it has another length');
  if (decodeRegistry(sidecar, id, registry).createTimeMs !== createTimeMs) {
    report('its sidecar says something else than when it was read before');
  }
}

async function strayRegistryFiles(disk: Disk, index: RegistryIndex): Promise<string[]> {
  const expected = new Set(
    [...index.entries()].flatMap(({ id }) => [registryPath(id), registryMetaPath(id)]),
  );
  const found = (await disk.list(REGISTRIES)).map(({ name }) => `${REGISTRIES}/${name}`);
  return found.filter((path) => !expected.has(path));
}

/**
 * Compares the index's figures of each registry's frames with those counted, and reports missing registries.
 */
export function checkRegistryUses(
  index: RegistryIndex,
  counted: RegistryUses,
  report: (id: number, detail: string) => void,
): void {
  for (const id of counted.ids()) {
    if (!index.get(id)) report(id, `${counted.of(id).segments} frames name it, and it is not stored`);
  }
  for (const id of new Set([...counted.ids(), ...index.uses.ids()])) {
    const [kept, found] = [index.uses.of(id), counted.of(id)];
    if (JSON.stringify(kept) === JSON.stringify(found)) continue;
    report(id, `${kept.segments} frames are kept to name it, ${found.segments} were counted, or other ones`);
  }
}
