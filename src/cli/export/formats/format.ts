import type { Content, Conversation } from '../../../model/index.js';
import type { SeenContents } from '../duplicates.js';
import type { ExportFolder } from '../folder.js';

/** A conversation as its exact token ids. It has at least one. */
export interface TokenSample {
  readonly conversation: Conversation;
  readonly tokens: Uint32Array;
  /** Largest of the ids. */
  readonly tokenMax: number;
  readonly messages: readonly { readonly role: string; readonly tokenCount: number }[];
}

/** A message as text that encodes to its tokens. */
export interface TextMessage extends Content {
  readonly role: string;
  readonly name: string;
  readonly toolCallId: string;
}

/** A conversation as text. */
export interface TextSample {
  readonly conversation: Conversation;
  readonly messages: readonly TextMessage[];
  /** Tools that the request had beside its messages, if it was imported so. */
  readonly tools?: readonly unknown[];
}

/** Choices that formats share. */
export interface FormatSettings {
  /** Roles whose tokens are learned; undefined if no mask is asked for. */
  readonly lossRoles: ReadonlySet<string> | undefined;
  /** Contents that were written, if samples that are equal to an earlier one are left out. */
  readonly seen: SeenContents | undefined;
  /** Messages of the roles that become pairs: every one, or only the last of a conversation. */
  readonly turns: 'every' | 'last';
  /** Limit of the tokens that a part keeps until it writes them. */
  readonly batchTokensMax: number;
}

/** One file, or a group of files that belong together, of one shard of a split. */
export interface PartWriter<Sample> {
  /** Returns false if it leaves the sample out as unfit for the format; see `leavesOut`. */
  add(sample: Sample): Promise<boolean>;
  /**
   * Returns what a later process needs beside the files to go on behind the samples added so far: plain data
   * that node:v8 can serialize, valid until the next call.
   */
  state(): unknown;
  finish(): Promise<void>;
}

/** A part to be begun. */
export interface PartStart {
  readonly name: string;
  /** Split and shard are for formats that name files in their own way. */
  readonly split: string;
  readonly shard: number;
  readonly shards: number;
  /** State of the part as an earlier process left it in the folder's files; undefined for a new part. */
  readonly former: unknown;
}

/** A format of files. Each is in a file of its own, with the source of its layout in docs/export.md. */
export interface Format<Sample> {
  /** Form of its samples. */
  readonly reads: Sample extends TokenSample ? 'tokens' : 'text';
  /** Samples for which `add` returns false, for a person: "conversations without ...". */
  readonly leavesOut: string;
  /** Files of one part. */
  readonly filesOfPart: number;
  /** Begins a part, or goes on with it. */
  begin(folder: ExportFolder, part: PartStart, settings: FormatSettings): Promise<PartWriter<Sample>>;
  /** Writes what stands above the parts, when all are finished. */
  complete?(folder: ExportFolder): Promise<void>;
}

export type AnyFormat = Format<TokenSample> | Format<TextSample>;

/** Largest id that formats with 32 bits and a sign can have. */
export const int32Max = 2 ** 31 - 1;

/** Returns one byte a token: 1 for those of messages of these roles, else 0. */
export function lossMask({ messages, tokens }: TokenSample, roles: ReadonlySet<string>): Uint8Array {
  const mask = new Uint8Array(tokens.length);
  let at = 0;
  for (const { role, tokenCount } of messages) {
    if (roles.has(role)) mask.fill(1, at, at + tokenCount);
    at += tokenCount;
  }
  return mask;
}

/** Returns the bytes of an array in little-endian order. Shares its memory where that is the machine's. */
export function littleEndian(array: Uint32Array | Int32Array | Uint16Array | BigInt64Array): Uint8Array {
  const bytes = Buffer.from(array.buffer, array.byteOffset, array.byteLength);
  if (isLittleEndian) return bytes;
  const swapped = Buffer.from(bytes);
  if (array.BYTES_PER_ELEMENT === 2) return swapped.swap16();
  return array.BYTES_PER_ELEMENT === 4 ? swapped.swap32() : swapped.swap64();
}

const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
