// Generated from proto/ by generate.mjs, with every build. Edits are lost.
export interface AddReferencesRequest {
  readonly vault?: string | undefined;
  readonly references?: readonly Reference[] | undefined;
}

export interface AppendMessagesRequest {
  readonly vault?: string | undefined;
  readonly id?: string | undefined;
  readonly messages?: readonly Message[] | undefined;
  readonly requestId?: string | undefined;
  readonly ifRevision?: string | undefined;
}

export interface AttachmentInfo {
  readonly sha256?: string | undefined;
  readonly sizeBytes?: string | undefined;
}

export interface BackupVaultRequest {
  readonly vault?: string | undefined;
}

export interface CollectGarbageRequest {
  readonly vault?: string | undefined;
  readonly dryRun?: boolean | undefined;
  readonly minAge?: Duration | undefined;
  readonly reportPreparation?: boolean | undefined;
}

export interface CompactSubstringsRequest {
  readonly vault?: string | undefined;
  readonly dryRun?: boolean | undefined;
  readonly minSavingsRatio?: number | undefined;
  readonly resumeToken?: string | undefined;
  readonly segmentsMax?: string | undefined;
  readonly bytesMax?: string | undefined;
  readonly timeMax?: Duration | undefined;
  readonly reportPreparation?: boolean | undefined;
}

export type ConditionField =
  | 'CONDITION_FIELD_UNSPECIFIED'
  | 'CONDITION_FIELD_APPLICATION'
  | 'CONDITION_FIELD_MODEL'
  | 'CONDITION_FIELD_TOKENIZER'
  | 'CONDITION_FIELD_PARENT_ID'
  | 'CONDITION_FIELD_METADATA';

export interface Conversation {
  readonly id?: string | undefined;
  readonly application?: string | undefined;
  readonly model?: string | undefined;
  readonly tokenizer?: string | undefined;
  readonly revision?: string | undefined;
  readonly totalTokens?: string | undefined;
  readonly messageCount?: number | undefined;
  readonly createTime?: Timestamp | undefined;
  readonly updateTime?: Timestamp | undefined;
  readonly expireTime?: Timestamp | undefined;
  readonly parentId?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly messages?: readonly MessageInfo[] | undefined;
  readonly storeTime?: Timestamp | undefined;
}

export interface ConversationFilter {
  readonly application?: string | undefined;
  readonly model?: string | undefined;
  readonly tokenizer?: string | undefined;
  readonly idPrefix?: string | undefined;
  readonly createTimeFrom?: Timestamp | undefined;
  readonly createTimeBefore?: Timestamp | undefined;
  readonly minTokens?: string | undefined;
  readonly maxTokens?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly conditions?: readonly ValueCondition[] | undefined;
  readonly updateTimeFrom?: Timestamp | undefined;
  readonly updateTimeBefore?: Timestamp | undefined;
  readonly expireTimeFrom?: Timestamp | undefined;
  readonly expireTimeBefore?: Timestamp | undefined;
  readonly expires?: boolean | undefined;
}

export interface CountSegmentUsesRequest {
  readonly vault?: string | undefined;
  readonly segmentHash?: string | undefined;
  readonly timeZone?: string | undefined;
}

export interface CreateVaultRequest {
  readonly vault?: string | undefined;
  readonly settings?: VaultSettings | undefined;
}

export interface DeleteConversationRequest {
  readonly vault?: string | undefined;
  readonly id?: string | undefined;
  readonly allowMissing?: boolean | undefined;
  readonly ifRevision?: string | undefined;
  readonly requestId?: string | undefined;
}

export interface DeleteConversationsRequest {
  readonly vault?: string | undefined;
  readonly filter?: ConversationFilter | undefined;
  readonly ids?: readonly string[] | undefined;
  readonly all?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
  readonly expired?: ConversationFilter | undefined;
}

export interface DeleteSegmentRequest {
  readonly vault?: string | undefined;
  readonly hash?: string | undefined;
}

export interface DeleteVaultRequest {
  readonly vault?: string | undefined;
  readonly confirmVault?: string | undefined;
}

export interface Duration {
  readonly seconds?: string | undefined;
  readonly nanos?: number | undefined;
}

export type Encoding = 'ENCODING_UNSPECIFIED' | 'ENCODING_TOKENS' | 'ENCODING_LE32' | 'ENCODING_TEXT';

export interface EraseConversationsRequest {
  readonly vault?: string | undefined;
  readonly ids?: readonly string[] | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly dryRun?: boolean | undefined;
  readonly wait?: Duration | undefined;
}

export interface FindDuplicatesRequest {
  readonly vault?: string | undefined;
  readonly filter?: ConversationFilter | undefined;
  readonly threshold?: number | undefined;
  readonly pageSize?: number | undefined;
}

export interface FindPrefixRequest {
  readonly vault?: string | undefined;
  readonly prefix?: Prefix | undefined;
  readonly tokenizer?: string | undefined;
  readonly application?: string | undefined;
  readonly minTokens?: string | undefined;
  readonly limit?: number | undefined;
}

export interface FindSimilarRequest {
  readonly vault?: string | undefined;
  readonly content?: Prefix | undefined;
  readonly tokenizer?: string | undefined;
  readonly conversationId?: string | undefined;
  readonly segmentHash?: string | undefined;
  readonly threshold?: number | undefined;
  readonly filter?: ConversationFilter | undefined;
  readonly order?: SimilarOrder | undefined;
  readonly pageSize?: number | undefined;
}

export interface ForkConversationRequest {
  readonly vault?: string | undefined;
  readonly id?: string | undefined;
  readonly newId?: string | undefined;
  readonly requestId?: string | undefined;
  readonly ifRevision?: string | undefined;
  readonly messageCount?: number | undefined;
}

export interface GetAttachmentRequest {
  readonly vault?: string | undefined;
  readonly id?: string | undefined;
  readonly messageIndex?: number | undefined;
  readonly attachmentIndex?: number | undefined;
  readonly ifRevision?: string | undefined;
}

export interface GetCapabilitiesRequest {
  readonly vault?: string | undefined;
}

export interface GetConversationRequest {
  readonly vault?: string | undefined;
  readonly id?: string | undefined;
  readonly includeMessages?: boolean | undefined;
  readonly messageOffset?: number | undefined;
  readonly messageLimit?: number | undefined;
  readonly ifRevision?: string | undefined;
}

export interface GetRetentionRequest {
  readonly vault?: string | undefined;
}

export interface GetSegmentsRequest {
  readonly vault?: string | undefined;
  readonly hashes?: readonly string[] | undefined;
  readonly encoding?: Encoding | undefined;
}

export interface GetStatsRequest {
  readonly vault?: string | undefined;
}

export interface GetUsageRequest {
  readonly vault?: string | undefined;
  readonly groupBy?: readonly string[] | undefined;
  readonly labels?: readonly string[] | undefined;
  readonly startTime?: Timestamp | undefined;
  readonly endTime?: Timestamp | undefined;
  readonly timeZone?: string | undefined;
}

export interface GetVaultRequest {
  readonly vault?: string | undefined;
}

export interface HasSegmentsRequest {
  readonly vault?: string | undefined;
  readonly hashes?: readonly string[] | undefined;
}

export interface KeptLabel {
  readonly label?: string | undefined;
  readonly value?: string | undefined;
}

export interface KeptLabels {
  readonly labels?: readonly KeptLabel[] | undefined;
}

export interface Labels {
  readonly keys?: readonly string[] | undefined;
}

export interface Lifetime {
  readonly label?: string | undefined;
  readonly value?: string | undefined;
  readonly lifetime?: Duration | undefined;
}

export interface Lifetimes {
  readonly lifetimes?: readonly Lifetime[] | undefined;
}

export interface ListAuditEventsRequest {
  readonly vault?: string | undefined;
  readonly identity?: string | undefined;
  readonly startTime?: Timestamp | undefined;
  readonly endTime?: Timestamp | undefined;
  readonly pageSize?: number | undefined;
  readonly pageToken?: string | undefined;
}

export interface ListConversationsRequest {
  readonly vault?: string | undefined;
  readonly filter?: ConversationFilter | undefined;
  readonly pageSize?: number | undefined;
  readonly pageToken?: string | undefined;
  readonly order?: ListOrder | undefined;
  readonly count?: boolean | undefined;
}

export interface ListGarbageRequest {
  readonly vault?: string | undefined;
  readonly pageSize?: number | undefined;
  readonly pageToken?: string | undefined;
}

export type ListOrder =
  | 'LIST_ORDER_UNSPECIFIED'
  | 'LIST_ORDER_NEWEST_FIRST'
  | 'LIST_ORDER_OLDEST_FIRST'
  | 'LIST_ORDER_LATEST_UPDATE_FIRST'
  | 'LIST_ORDER_EARLIEST_UPDATE_FIRST'
  | 'LIST_ORDER_LATEST_STORE_FIRST'
  | 'LIST_ORDER_EARLIEST_STORE_FIRST';

export interface ListRegistriesRequest {
  readonly vault?: string | undefined;
}

export interface ListSegmentUsesRequest {
  readonly vault?: string | undefined;
  readonly segmentHash?: string | undefined;
  readonly pageSize?: number | undefined;
  readonly pageToken?: string | undefined;
}

export interface ListSharedSegmentsRequest {
  readonly vault?: string | undefined;
  readonly order?: SharedSegmentOrder | undefined;
  readonly pageSize?: number | undefined;
}

export interface ListVaultsRequest {
  readonly pageSize?: number | undefined;
  readonly pageToken?: string | undefined;
}

export interface ListWarmPrefixesRequest {
  readonly vault?: string | undefined;
  readonly application?: string | undefined;
  readonly createTimeFrom?: Timestamp | undefined;
  readonly minTokens?: string | undefined;
  readonly pageSize?: number | undefined;
  readonly withoutTokens?: boolean | undefined;
}

export interface Message {
  readonly role?: string | undefined;
  readonly name?: string | undefined;
  readonly toolCallId?: string | undefined;
  readonly tokens?: TokenList | undefined;
  readonly tokensLe32?: Uint8Array | undefined;
  readonly text?: string | undefined;
  readonly fieldsJson?: string | undefined;
  readonly specialTokens?: boolean | undefined;
  readonly attachments?: readonly Uint8Array[] | undefined;
}

export interface MessageInfo {
  readonly role?: string | undefined;
  readonly name?: string | undefined;
  readonly toolCallId?: string | undefined;
  readonly tokenCount?: string | undefined;
  readonly segments?: readonly SegmentInfo[] | undefined;
  readonly fieldsJson?: string | undefined;
  readonly attachments?: readonly AttachmentInfo[] | undefined;
}

export interface NewSegment {
  readonly tokens?: TokenList | undefined;
  readonly tokensLe32?: Uint8Array | undefined;
}

export interface Prefix {
  readonly tokens?: TokenList | undefined;
  readonly tokensLe32?: Uint8Array | undefined;
  readonly text?: string | undefined;
}

export interface PutSegmentsRequest {
  readonly vault?: string | undefined;
  readonly segments?: readonly NewSegment[] | undefined;
  readonly holder?: string | undefined;
}

export interface Reference {
  readonly hash?: string | undefined;
  readonly holder?: string | undefined;
}

export interface RemoveReferencesRequest {
  readonly vault?: string | undefined;
  readonly references?: readonly Reference[] | undefined;
}

export interface Render {
  readonly chatTemplate?: string | undefined;
  readonly addGenerationPrompt?: boolean | undefined;
}

export interface RenderMessagesRequest {
  readonly vault?: string | undefined;
  readonly tokenizer?: string | undefined;
  readonly messages?: readonly Message[] | undefined;
  readonly model?: string | undefined;
  readonly render?: Render | undefined;
  readonly createTime?: Timestamp | undefined;
}

export interface RetrieveConversationRequest {
  readonly vault?: string | undefined;
  readonly id?: string | undefined;
  readonly messageOffset?: number | undefined;
  readonly messageLimit?: number | undefined;
  readonly tokenOffset?: string | undefined;
  readonly tokenLimit?: string | undefined;
  readonly encoding?: Encoding | undefined;
  readonly ifRevision?: string | undefined;
  readonly includeFields?: boolean | undefined;
  readonly exactText?: boolean | undefined;
  readonly includeTokens?: boolean | undefined;
  readonly render?: Render | undefined;
}

export interface RetrieveConversationsRequest {
  readonly vault?: string | undefined;
  readonly ids?: readonly string[] | undefined;
  readonly encoding?: Encoding | undefined;
  readonly joined?: boolean | undefined;
}

export interface SearchConversationsRequest {
  readonly vault?: string | undefined;
  readonly filter?: ConversationFilter | undefined;
  readonly text?: string | undefined;
  readonly ignoreCase?: boolean | undefined;
  readonly wholeWords?: boolean | undefined;
  readonly limit?: number | undefined;
  readonly pageToken?: string | undefined;
}

export interface SegmentInfo {
  readonly hash?: string | undefined;
  readonly tokenCount?: number | undefined;
}

export type SharedSegmentOrder =
  | 'SHARED_SEGMENT_ORDER_UNSPECIFIED'
  | 'SHARED_SEGMENT_ORDER_TOKENS_SAVED'
  | 'SHARED_SEGMENT_ORDER_REFERENCES';

export type SimilarOrder = 'SIMILAR_ORDER_UNSPECIFIED' | 'SIMILAR_ORDER_SIMILARITY' | 'SIMILAR_ORDER_NEWEST';

export interface StoreConversationRequest {
  readonly vault?: string | undefined;
  readonly conversation?: Conversation | undefined;
  readonly messages?: readonly Message[] | undefined;
  readonly requestId?: string | undefined;
  readonly ifRevision?: string | undefined;
}

export interface Timestamp {
  readonly seconds?: string | undefined;
  readonly nanos?: number | undefined;
}

export interface TokenList {
  readonly ids?: readonly number[] | undefined;
}

export interface UpdateVaultRequest {
  readonly vault?: string | undefined;
  readonly settings?: VaultSettings | undefined;
  readonly reset?: readonly string[] | undefined;
}

export interface UploadAttachment {
  readonly begins?: boolean | undefined;
  readonly content?: Uint8Array | undefined;
}

export interface UploadConversationRequest {
  readonly spec?: UploadSpec | undefined;
  readonly message?: UploadMessage | undefined;
  readonly tokens?: UploadTokens | undefined;
  readonly finish?: UploadFinish | undefined;
  readonly attachment?: UploadAttachment | undefined;
}

export interface UploadFinish {
  readonly totalTokens?: string | undefined;
}

export interface UploadMessage {
  readonly role?: string | undefined;
  readonly name?: string | undefined;
  readonly toolCallId?: string | undefined;
  readonly fieldsJson?: string | undefined;
  readonly specialTokens?: boolean | undefined;
}

export interface UploadSpec {
  readonly vault?: string | undefined;
  readonly conversation?: Conversation | undefined;
  readonly requestId?: string | undefined;
  readonly ifRevision?: string | undefined;
}

export interface UploadTokens {
  readonly tokens?: TokenList | undefined;
  readonly tokensLe32?: Uint8Array | undefined;
  readonly text?: string | undefined;
}

export interface ValueCondition {
  readonly field?: ConditionField | undefined;
  readonly key?: string | undefined;
  readonly values?: readonly string[] | undefined;
  readonly negated?: boolean | undefined;
}

export interface VaultSettings {
  readonly prefixIndex?: boolean | undefined;
  readonly autoCompact?: boolean | undefined;
  readonly quotaBytes?: string | undefined;
  readonly labels?: Labels | undefined;
  readonly lifetime?: Duration | undefined;
  readonly lifetimes?: Lifetimes | undefined;
  readonly keep?: KeptLabels | undefined;
  readonly conversationsMax?: string | undefined;
  readonly contentBytesMax?: string | undefined;
  readonly keepUsage?: Duration | undefined;
}

export interface VerifyVaultRequest {
  readonly vault?: string | undefined;
  readonly repair?: boolean | undefined;
}
