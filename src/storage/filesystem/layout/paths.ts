import { createHash } from 'node:crypto';
import type { SegmentHash } from '../../../model/index.js';

export const SEGMENTS = 'segments';
export const MANIFESTS = 'manifests';
export const REGISTRIES = 'registries';
export const REQUESTS = 'requests';
/** Folder of files that are being written, until they get their name. */
export const TEMPORARY = 'tmp';
export const VAULT_FILE = 'vault.json';
export const META_SUFFIX = '.meta';
export const HOLDERS_SUFFIX = '.holders';
export const MANIFEST_SUFFIX = '.json';

/** Limit of an encoded id: a longer one would exceed a file name of 255 bytes on some file systems. */
const ENCODED_ID_MAX = 200;

/** Returns the path of the segment's frame. The hash must be valid: callers look it up before. */
export function segmentPath(hash: SegmentHash): string {
  return `${segmentFolder(hash)}/${hash}`;
}

/** Returns the path of the segment's sidecar. */
export function metaPath(hash: SegmentHash): string {
  return `${segmentPath(hash)}${META_SUFFIX}`;
}

/** Returns the path of the list of the segment's outside holders. */
export function holdersPath(hash: SegmentHash): string {
  return `${segmentPath(hash)}${HOLDERS_SUFFIX}`;
}

/** Returns the path of the registry's bytes. */
export function registryPath(id: number): string {
  return `${REGISTRIES}/${id}`;
}

/** Returns the registry with this file name, as in registryPath(). */
export function registryId(name: string): number | undefined {
  return /^[1-9][0-9]{0,9}$/.test(name) ? Number(name) : undefined;
}

/** Returns the path of the registry's sidecar. */
export function registryMetaPath(id: number): string {
  return `${registryPath(id)}${META_SUFFIX}`;
}

export function segmentFolder(hash: SegmentHash): string {
  return `${SEGMENTS}/${hash.slice(0, 2)}/${hash.slice(2, 4)}`;
}

/** Returns the path of a conversation's manifest, whatever characters its id has. */
export function manifestPath(id: string): string {
  return `${MANIFESTS}/${manifestName(id)}`;
}

/**
 * Encodes an id as a file name. Lower-case letters, digits, '_' and '-' stand for themselves; every other
 * byte of UTF-8 is %XX (upper-case letters too, because some file systems ignore case). An id that is too
 * long or empty is named by its SHA-256, after '~'.
 */
export function manifestName(id: string): string {
  const encoded = Array.from(Buffer.from(id, 'utf8'), encodeByte).join('');
  const fits = encoded.length > 0 && encoded.length <= ENCODED_ID_MAX;
  const name = fits ? encoded : `~${createHash('sha256').update(id, 'utf8').digest('hex')}`;
  return `${name}${MANIFEST_SUFFIX}`;
}

/** Returns the path of a request's result, whatever characters its id has. */
export function requestPath(id: string): string {
  return `${REQUESTS}/${createHash('sha256').update(id, 'utf8').digest('hex')}.json`;
}

/** True if manifestName() could have made it. */
export function isManifestName(name: string): boolean {
  return /^(?:(?:[a-z0-9_-]|%[0-9A-F]{2}){1,200}|~[0-9a-f]{64})\.json$/.test(name);
}

export function journalName(number: number): string {
  return `journal-${number}`;
}

export function journalNumber(name: string): number | undefined {
  const digits = /^journal-([1-9][0-9]{0,14})$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** Returns the folder of a path; '' for the vault's folder. */
export function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

function encodeByte(byte: number): string {
  const character = String.fromCharCode(byte);
  return /[a-z0-9_-]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}
