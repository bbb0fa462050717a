import type { ConversationSpec } from '../model/index.js';
import type {
  SegmentUsesOptions,
  UsesByDayOptions,
  SharedSegmentOptions,
  UsageOptions,
  WarmOptions,
} from './analytics-types.js';
import type { CompactOptions } from './compaction.js';
import type { CallControl, ClientTls, ConnectOptions } from './connection-types.js';
import type { NewMessage } from './content-types.js';
import type { EraseOptions } from './erasure.js';
import type { CollectGarbageOptions } from './maintenance-types.js';
import { invalid } from './errors.js';
import type * as R from './read-types.js';
import type { RetryPolicy } from './retry.js';
import type { GarbagePageOptions, PutSegmentsOptions, SegmentReference } from './segment-types.js';
import type { DuplicatesOptions, SimilarOptions, SimilarTarget } from './similar-types.js';
import type { AuditFilter, LabelValue, VaultSettings } from './vault-types.js';
import type { VerifyOptions } from './verify.js';
import type * as T from './write-types.js';

/** Objects that callers give, by the name of what takes them. */
interface Objects {
  readonly connect: ConnectOptions;
  readonly tls: ClientTls;
  readonly retry: RetryPolicy;
  readonly control: CallControl;
  readonly vault: CallControl & { readonly vault?: string };
  readonly store: T.StoreRequest;
  readonly upload: T.UploadRequest;
  readonly append: T.AppendOptions;
  readonly fork: T.ForkOptions;
  readonly delete: T.DeleteOptions;
  readonly deleteMany: T.DeleteManyOptions;
  readonly conversation: Partial<ConversationSpec>;
  readonly message: NewMessage;
  readonly content: R.PrefixContent;
  readonly retrieve: R.RetrieveOptions<R.Encoding>;
  readonly render: R.RenderOptions;
  readonly renderMessages: R.RenderMessagesOptions;
  readonly attachment: R.AttachmentOptions;
  readonly readExact: Omit<R.RetrieveOptions<'text'>, 'encoding' | 'render' | 'includeTokens'>;
  readonly retrieveMany: R.RetrieveManyOptions<R.Encoding>;
  readonly readMany: R.ReadManyOptions;
  readonly get: CallControl & { readonly includeMessages?: boolean };
  readonly list: R.ListAllOptions;
  readonly listPage: R.PageOptions;
  readonly search: R.SearchOptions;
  readonly findPrefix: R.FindPrefixOptions;
  readonly filter: R.ConversationFilter;
  readonly condition: R.ValueCondition;
  readonly similarTarget: SimilarTarget;
  readonly similar: SimilarOptions;
  readonly duplicates: DuplicatesOptions;
  readonly usage: UsageOptions;
  readonly sharedSegments: SharedSegmentOptions;
  readonly segmentUses: SegmentUsesOptions;
  readonly segmentUsesByDay: UsesByDayOptions;
  readonly warm: WarmOptions;
  readonly collectGarbage: CollectGarbageOptions;
  readonly compactSubstrings: CompactOptions;
  readonly erase: EraseOptions;
  readonly verify: VerifyOptions;
  readonly putSegments: PutSegmentsOptions;
  readonly reference: SegmentReference;
  readonly garbagePage: GarbagePageOptions;
  readonly createVault: CallControl & { readonly settings?: VaultSettings };
  readonly updateVault: CallControl & {
    readonly settings?: VaultSettings;
    readonly reset?: readonly (keyof VaultSettings)[];
  };
  readonly settings: VaultSettings;
  readonly lifetime: LabelValue & { readonly lifetimeMs: number };
  readonly label: LabelValue;
  readonly audit: AuditFilter & CallControl;
}

/** Every field of T: the compiler refuses a list that lacks one, or has another. */
type Fields<T> = { readonly [Name in keyof T]-?: true };

const control = { signal: true, timeoutMs: true } as const;
const content = { text: true, tokens: true, tokensLe32: true } as const;
const write = { ifRevision: true, requestId: true, ...control } as const;
const range = {
  ifRevision: true,
  messageOffset: true,
  messageLimit: true,
  tokenOffset: true,
  tokenLimit: true,
  includeFields: true,
} as const;
const list = { filter: true, order: true, pageSize: true, ...control } as const;
const label = { label: true, value: true } as const;

const known: { readonly [Name in keyof Objects]: Fields<Objects[Name]> } = {
  connect: {
    server: true,
    vault: true,
    tls: true,
    token: true,
    receiveBytesMax: true,
    retry: true,
    signal: true,
  },
  tls: { ca: true, cert: true, key: true, serverName: true },
  retry: { attemptsMax: true, backoffMs: true },
  control,
  vault: { vault: true, ...control },
  store: { conversation: true, messages: true, ...write },
  upload: { conversation: true, messages: true, ...write },
  append: write,
  fork: { newId: true, messageCount: true, ...write },
  delete: { allowMissing: true, ...write },
  deleteMany: { ids: true, filter: true, all: true, expired: true, dryRun: true, ...control },
  conversation: {
    id: true,
    application: true,
    model: true,
    tokenizer: true,
    parentId: true,
    createTimeMs: true,
    expireTimeMs: true,
    metadata: true,
  },
  message: {
    ...{ role: true, name: true, toolCallId: true, fieldsJson: true, specialTokens: true, attachments: true },
    ...content,
  },
  content,
  retrieve: { encoding: true, render: true, includeTokens: true, ...range, ...control },
  render: { chatTemplate: true, addGenerationPrompt: true },
  renderMessages: {
    tokenizer: true,
    model: true,
    createTimeMs: true,
    chatTemplate: true,
    addGenerationPrompt: true,
    ...control,
  },
  attachment: { message: true, attachment: true, ifRevision: true, ...control },
  readExact: { ...range, ...control },
  retrieveMany: { encoding: true, ...control },
  readMany: { tokensMax: true, ...control },
  get: { includeMessages: true, ...control },
  list: { onDamaged: true, ...list },
  listPage: { pageToken: true, count: true, ...list },
  search: { filter: true, ignoreCase: true, wholeWords: true, limit: true, pageToken: true, ...control },
  findPrefix: { tokenizer: true, application: true, minTokens: true, limit: true, ...control },
  filter: {
    application: true,
    model: true,
    tokenizer: true,
    idPrefix: true,
    createTimeFromMs: true,
    createTimeBeforeMs: true,
    tokensMin: true,
    tokensMax: true,
    metadata: true,
    conditions: true,
    updateTimeFromMs: true,
    updateTimeBeforeMs: true,
    expireTimeFromMs: true,
    expireTimeBeforeMs: true,
    expires: true,
  },
  condition: { field: true, key: true, values: true, negated: true },
  similarTarget: { conversationId: true, segmentHash: true, content: true, tokenizer: true },
  similar: { threshold: true, filter: true, order: true, limit: true, ...control },
  duplicates: { filter: true, threshold: true, limit: true, ...control },
  usage: { groupBy: true, labels: true, fromMs: true, beforeMs: true, timeZone: true, ...control },
  sharedSegments: { order: true, limit: true, ...control },
  segmentUses: { pageSize: true, pageToken: true, ...control },
  segmentUsesByDay: { timeZone: true, ...control },
  warm: {
    application: true,
    createdFromMs: true,
    minTokens: true,
    limit: true,
    withoutTokens: true,
    ...control,
  },
  collectGarbage: { dryRun: true, minAgeMs: true, reportPreparation: true, ...control },
  compactSubstrings: {
    dryRun: true,
    minSavingsRatio: true,
    resumeToken: true,
    segmentsMax: true,
    bytesMax: true,
    timeMsMax: true,
    reportPreparation: true,
    ...control,
  },
  erase: { ids: true, labels: true, dryRun: true, waitMs: true, ...control },
  verify: { repair: true, ...control },
  putSegments: { holder: true, ...control },
  reference: { hash: true, holder: true },
  garbagePage: { pageSize: true, pageToken: true, ...control },
  createVault: { settings: true, ...control },
  updateVault: { settings: true, reset: true, ...control },
  settings: {
    prefixIndex: true,
    autoCompact: true,
    quotaBytes: true,
    labels: true,
    lifetimeMs: true,
    lifetimes: true,
    keep: true,
    conversationsMax: true,
    contentBytesMax: true,
    keepUsageMs: true,
  },
  lifetime: { ...label, lifetimeMs: true },
  label,
  audit: { vault: true, identity: true, startMs: true, endMs: true, ...control },
};

/**
 * Returns an object that a caller gave, if it has no field but the known ones. What is not known would be
 * left out of the request, and nobody told. `at` is its place in the arguments; empty for options of a call.
 * @throws ClientError INVALID_FIELD, with the field's name
 */
export function withKnownFields<Name extends keyof Objects>(
  name: Name,
  given: Objects[Name],
  at = '',
): Objects[Name] {
  if (typeof given !== 'object' || (given as object | null) === null || Array.isArray(given))
    throw invalid(at || 'options', `it is ${shown(given)}, not an object with ${namesOf(name)}`);
  for (const [field, value] of Object.entries(given)) {
    // A field that is undefined says nothing that could be lost.
    if (Object.hasOwn(known[name], field) || value === undefined) continue;
    throw invalid(at === '' ? field : `${at}.${field}`, `there is no such field; known are ${namesOf(name)}`);
  }
  return given;
}

/** Returns the wire's value of a name. @throws ClientError INVALID_FIELD for a name that is not known */
export function wireValue<Name extends string, Value>(
  field: string,
  values: Readonly<Record<Name, Value>>,
  name: Name,
): Value {
  if (Object.hasOwn(values, name)) return values[name];
  throw invalid(field, `it is ${shown(name)}; known are ${Object.keys(values).join(', ')}`);
}

function namesOf(name: keyof Objects): string {
  return Object.keys(known[name]).join(', ');
}

/** Shows a value that is not as it should be: short, and never its content. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'bigint') return `${value}n`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? typeof value;
  return 'an object';
}
