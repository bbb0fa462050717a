// Generated from proto/ by generate.mjs, with every build. Edits are lost.
/** A 64-bit number. */
export interface Long {
  toNumber(): number;
  toString(): string;
}

export interface AddReferencesRequest {
  readonly vault: string;
  readonly references: Reference[];
}

export interface AppendMessagesRequest {
  readonly vault: string;
  readonly id: string;
  readonly messages: Message[];
  readonly request_id: string;
  readonly if_revision: Long | undefined;
}

export interface AttachmentInfo {
  readonly sha256: string;
  readonly size_bytes: Long;
}

export interface BackupVaultRequest {
  readonly vault: string;
}

export interface CollectGarbageRequest {
  readonly vault: string;
  readonly dry_run: boolean;
  readonly min_age: Duration | null;
  readonly report_preparation: boolean;
}

export interface CompactSubstringsRequest {
  readonly vault: string;
  readonly dry_run: boolean;
  readonly min_savings_ratio: number | undefined;
  readonly resume_token: string;
  readonly segments_max: Long;
  readonly bytes_max: Long;
  readonly time_max: Duration | null;
  readonly report_preparation: boolean;
}

export interface Conversation {
  readonly id: string;
  readonly application: string;
  readonly model: string;
  readonly tokenizer: string;
  readonly revision: Long;
  readonly total_tokens: Long;
  readonly message_count: number;
  readonly create_time: Timestamp | null;
  readonly update_time: Timestamp | null;
  readonly expire_time: Timestamp | null;
  readonly parent_id: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly messages: MessageInfo[];
  readonly store_time: Timestamp | null;
}

export interface ConversationFilter {
  readonly application: string;
  readonly model: string;
  readonly tokenizer: string;
  readonly id_prefix: string;
  readonly create_time_from: Timestamp | null;
  readonly create_time_before: Timestamp | null;
  readonly min_tokens: Long | undefined;
  readonly max_tokens: Long | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  readonly conditions: ValueCondition[];
  readonly update_time_from: Timestamp | null;
  readonly update_time_before: Timestamp | null;
  readonly expire_time_from: Timestamp | null;
  readonly expire_time_before: Timestamp | null;
  readonly expires: boolean | undefined;
}

export interface CountSegmentUsesRequest {
  readonly vault: string;
  readonly segment_hash: string;
  readonly time_zone: string;
}

export interface CreateVaultRequest {
  readonly vault: string;
  readonly settings: VaultSettings | null;
}

export interface DeleteConversationRequest {
  readonly vault: string;
  readonly id: string;
  readonly allow_missing: boolean;
  readonly if_revision: Long | undefined;
  readonly request_id: string;
}

export interface DeleteConversationsRequest {
  readonly vault: string;
  readonly filter: ConversationFilter | null;
  readonly ids: string[];
  readonly all: boolean;
  readonly dry_run: boolean;
  readonly expired: ConversationFilter | null;
}

export interface DeleteSegmentRequest {
  readonly vault: string;
  readonly hash: string;
}

export interface DeleteVaultRequest {
  readonly vault: string;
  readonly confirm_vault: string;
}

export interface Duration {
  readonly seconds: Long;
  readonly nanos: number;
}

export interface EraseConversationsRequest {
  readonly vault: string;
  readonly ids: string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly dry_run: boolean;
  readonly wait: Duration | null;
}

export interface FindDuplicatesRequest {
  readonly vault: string;
  readonly filter: ConversationFilter | null;
  readonly threshold: number;
  readonly page_size: number;
}

export interface FindPrefixRequest {
  readonly vault: string;
  readonly prefix: Prefix | null;
  readonly tokenizer: string;
  readonly application: string | undefined;
  readonly min_tokens: Long;
  readonly limit: number;
}

export interface FindSimilarRequest {
  readonly vault: string;
  readonly content: Prefix | null;
  readonly tokenizer: string;
  readonly conversation_id: string;
  readonly segment_hash: string;
  readonly threshold: number;
  readonly filter: ConversationFilter | null;
  readonly order: number;
  readonly page_size: number;
}

export interface ForkConversationRequest {
  readonly vault: string;
  readonly id: string;
  readonly new_id: string;
  readonly request_id: string;
  readonly if_revision: Long | undefined;
  readonly message_count: number | undefined;
}

export interface GetAttachmentRequest {
  readonly vault: string;
  readonly id: string;
  readonly message_index: number;
  readonly attachment_index: number;
  readonly if_revision: Long | undefined;
}

export interface GetCapabilitiesRequest {
  readonly vault: string;
}

export interface GetConversationRequest {
  readonly vault: string;
  readonly id: string;
  readonly include_messages: boolean;
  readonly message_offset: number;
  readonly message_limit: number;
  readonly if_revision: Long | undefined;
}

export interface GetRetentionRequest {
  readonly vault: string;
}

export interface GetSegmentsRequest {
  readonly vault: string;
  readonly hashes: string[];
  readonly encoding: number;
}

export interface GetStatsRequest {
  readonly vault: string;
}

export interface GetUsageRequest {
  readonly vault: string;
  readonly group_by: string[];
  readonly labels: string[];
  readonly start_time: Timestamp | null;
  readonly end_time: Timestamp | null;
  readonly time_zone: string;
}

export interface GetVaultRequest {
  readonly vault: string;
}

export interface HasSegmentsRequest {
  readonly vault: string;
  readonly hashes: string[];
}

export interface KeptLabel {
  readonly label: string;
  readonly value: string;
}

export interface KeptLabels {
  readonly labels: KeptLabel[];
}

export interface Labels {
  readonly keys: string[];
}

export interface Lifetime {
  readonly label: string;
  readonly value: string;
  readonly lifetime: Duration | null;
}

export interface Lifetimes {
  readonly lifetimes: Lifetime[];
}

export interface ListAuditEventsRequest {
  readonly vault: string;
  readonly identity: string;
  readonly start_time: Timestamp | null;
  readonly end_time: Timestamp | null;
  readonly page_size: number;
  readonly page_token: string;
}

export interface ListConversationsRequest {
  readonly vault: string;
  readonly filter: ConversationFilter | null;
  readonly page_size: number;
  readonly page_token: string;
  readonly order: number;
  readonly count: boolean;
}

export interface ListGarbageRequest {
  readonly vault: string;
  readonly page_size: number;
  readonly page_token: string;
}

export interface ListRegistriesRequest {
  readonly vault: string;
}

export interface ListSegmentUsesRequest {
  readonly vault: string;
  readonly segment_hash: string;
  readonly page_size: number;
  readonly page_token: string;
}

export interface ListSharedSegmentsRequest {
  readonly vault: string;
  readonly order: number;
  readonly page_size: number;
}

export interface ListVaultsRequest {
  readonly page_size: number;
  readonly page_token: string;
}

export interface ListWarmPrefixesRequest {
  readonly vault: string;
  readonly application: string;
  readonly create_time_from: Timestamp | null;
  readonly min_tokens: Long;
  readonly page_size: number;
  readonly without_tokens: boolean;
}

export interface Message {
  readonly role: string;
  readonly name: string;
  readonly tool_call_id: string;
  readonly tokens: TokenList | undefined;
  readonly tokens_le32: Buffer | undefined;
  readonly text: string | undefined;
  readonly fields_json: string;
  readonly special_tokens: boolean;
  readonly attachments: Buffer[];
}

export interface MessageInfo {
  readonly role: string;
  readonly name: string;
  readonly tool_call_id: string;
  readonly token_count: Long;
  readonly segments: SegmentInfo[];
  readonly fields_json: string;
  readonly attachments: AttachmentInfo[];
}

export interface NewSegment {
  readonly tokens: TokenList | undefined;
  readonly tokens_le32: Buffer | undefined;
}

export interface Prefix {
  readonly tokens: TokenList | undefined;
  readonly tokens_le32: Buffer | undefined;
  readonly text: string | undefined;
}

export interface PutSegmentsRequest {
  readonly vault: string;
  readonly segments: NewSegment[];
  readonly holder: string;
}

export interface Reference {
  readonly hash: string;
  readonly holder: string;
}

export interface RemoveReferencesRequest {
  readonly vault: string;
  readonly references: Reference[];
}

export interface Render {
  readonly chat_template: string;
  readonly add_generation_prompt: boolean;
}

export interface RenderMessagesRequest {
  readonly vault: string;
  readonly tokenizer: string;
  readonly messages: Message[];
  readonly model: string;
  readonly render: Render | null;
  readonly create_time: Timestamp | null;
}

export interface RetrieveConversationRequest {
  readonly vault: string;
  readonly id: string;
  readonly message_offset: number;
  readonly message_limit: number;
  readonly token_offset: Long;
  readonly token_limit: Long;
  readonly encoding: number;
  readonly if_revision: Long | undefined;
  readonly include_fields: boolean;
  readonly exact_text: boolean;
  readonly include_tokens: boolean;
  readonly render: Render | null;
}

export interface RetrieveConversationsRequest {
  readonly vault: string;
  readonly ids: string[];
  readonly encoding: number;
  readonly joined: boolean;
}

export interface SearchConversationsRequest {
  readonly vault: string;
  readonly filter: ConversationFilter | null;
  readonly text: string;
  readonly ignore_case: boolean;
  readonly whole_words: boolean;
  readonly limit: number;
  readonly page_token: string;
}

export interface SegmentInfo {
  readonly hash: string;
  readonly token_count: number;
}

export interface StoreConversationRequest {
  readonly vault: string;
  readonly conversation: Conversation | null;
  readonly messages: Message[];
  readonly request_id: string;
  readonly if_revision: Long | undefined;
}

export interface Timestamp {
  readonly seconds: Long;
  readonly nanos: number;
}

export interface TokenList {
  readonly ids: number[];
}

export interface UpdateVaultRequest {
  readonly vault: string;
  readonly settings: VaultSettings | null;
  readonly reset: string[];
}

export interface UploadAttachment {
  readonly begins: boolean;
  readonly content: Buffer;
}

export interface UploadConversationRequest {
  readonly spec: UploadSpec | undefined;
  readonly message: UploadMessage | undefined;
  readonly tokens: UploadTokens | undefined;
  readonly finish: UploadFinish | undefined;
  readonly attachment: UploadAttachment | undefined;
}

export interface UploadFinish {
  readonly total_tokens: Long | undefined;
}

export interface UploadMessage {
  readonly role: string;
  readonly name: string;
  readonly tool_call_id: string;
  readonly fields_json: string;
  readonly special_tokens: boolean;
}

export interface UploadSpec {
  readonly vault: string;
  readonly conversation: Conversation | null;
  readonly request_id: string;
  readonly if_revision: Long | undefined;
}

export interface UploadTokens {
  readonly tokens: TokenList | undefined;
  readonly tokens_le32: Buffer | undefined;
  readonly text: string | undefined;
}

export interface ValueCondition {
  readonly field: number;
  readonly key: string;
  readonly values: string[];
  readonly negated: boolean;
}

export interface VaultSettings {
  readonly prefix_index: boolean | undefined;
  readonly auto_compact: boolean | undefined;
  readonly quota_bytes: Long | undefined;
  readonly labels: Labels | null;
  readonly lifetime: Duration | null;
  readonly lifetimes: Lifetimes | null;
  readonly keep: KeptLabels | null;
  readonly conversations_max: Long | undefined;
  readonly content_bytes_max: Long | undefined;
  readonly keep_usage: Duration | null;
}

export interface VerifyVaultRequest {
  readonly vault: string;
  readonly repair: boolean;
}

/** By full name. */
export interface Requests {
  'stowken.v1.StoreConversationRequest': StoreConversationRequest;
  'stowken.v1.UploadConversationRequest': UploadConversationRequest;
  'stowken.v1.AppendMessagesRequest': AppendMessagesRequest;
  'stowken.v1.ForkConversationRequest': ForkConversationRequest;
  'stowken.v1.RetrieveConversationRequest': RetrieveConversationRequest;
  'stowken.v1.RenderMessagesRequest': RenderMessagesRequest;
  'stowken.v1.GetAttachmentRequest': GetAttachmentRequest;
  'stowken.v1.RetrieveConversationsRequest': RetrieveConversationsRequest;
  'stowken.v1.GetConversationRequest': GetConversationRequest;
  'stowken.v1.DeleteConversationRequest': DeleteConversationRequest;
  'stowken.v1.DeleteConversationsRequest': DeleteConversationsRequest;
  'stowken.v1.ListConversationsRequest': ListConversationsRequest;
  'stowken.v1.FindPrefixRequest': FindPrefixRequest;
  'stowken.v1.SearchConversationsRequest': SearchConversationsRequest;
  'stowken.v1.CollectGarbageRequest': CollectGarbageRequest;
  'stowken.v1.CompactSubstringsRequest': CompactSubstringsRequest;
  'stowken.v1.EraseConversationsRequest': EraseConversationsRequest;
  'stowken.v1.ListRegistriesRequest': ListRegistriesRequest;
  'stowken.v1.VerifyVaultRequest': VerifyVaultRequest;
  'stowken.v1.BackupVaultRequest': BackupVaultRequest;
  'stowken.v1.GetStatsRequest': GetStatsRequest;
  'stowken.v1.GetCapabilitiesRequest': GetCapabilitiesRequest;
  'stowken.v1.PutSegmentsRequest': PutSegmentsRequest;
  'stowken.v1.GetSegmentsRequest': GetSegmentsRequest;
  'stowken.v1.HasSegmentsRequest': HasSegmentsRequest;
  'stowken.v1.AddReferencesRequest': AddReferencesRequest;
  'stowken.v1.RemoveReferencesRequest': RemoveReferencesRequest;
  'stowken.v1.DeleteSegmentRequest': DeleteSegmentRequest;
  'stowken.v1.ListGarbageRequest': ListGarbageRequest;
  'stowken.v1.CreateVaultRequest': CreateVaultRequest;
  'stowken.v1.GetVaultRequest': GetVaultRequest;
  'stowken.v1.UpdateVaultRequest': UpdateVaultRequest;
  'stowken.v1.ListVaultsRequest': ListVaultsRequest;
  'stowken.v1.DeleteVaultRequest': DeleteVaultRequest;
  'stowken.v1.GetRetentionRequest': GetRetentionRequest;
  'stowken.v1.ListAuditEventsRequest': ListAuditEventsRequest;
  'stowken.v1.GetUsageRequest': GetUsageRequest;
  'stowken.v1.ListSharedSegmentsRequest': ListSharedSegmentsRequest;
  'stowken.v1.ListSegmentUsesRequest': ListSegmentUsesRequest;
  'stowken.v1.CountSegmentUsesRequest': CountSegmentUsesRequest;
  'stowken.v1.ListWarmPrefixesRequest': ListWarmPrefixesRequest;
  'stowken.v1.FindSimilarRequest': FindSimilarRequest;
  'stowken.v1.FindDuplicatesRequest': FindDuplicatesRequest;
}
