// Generated from proto/ by generate.mjs, with every build. Edits are lost.
export interface AddReferencesRequest {
  readonly vault?: string | undefined;
  readonly references?: readonly Reference[] | undefined;
}

export interface AppendMessagesRequest {
  readonly vault?: string | undefined;
  readonly id?: string | undefined;
  readonly messages?: readonly Message[] | undefined;
  readonly request_id?: string | undefined;
  readonly if_revision?: string | undefined;
}

export interface AttachmentInfo {
  readonly sha256?: string | undefined;
  readonly size_bytes?: string | undefined;
}

export interface BackupVaultRequest {
  readonly vault?: string | undefined;
}

export interface CollectGarbageRequest {
  readonly vault?: string | undefined;
  readonly dry_run?: boolean | undefined;
  readonly min_age?: string | undefined;
  readonly report_preparation?: boolean | undefined;
}

export interface CompactSubstringsRequest {
  readonly vault?: string | undefined;
  readonly dry_run?: boolean | undefined;
  readonly min_savings_ratio?: number | undefined;
  readonly resume_token?: string | undefined;
  readonly segments_max?: string | undefined;
  readonly bytes_max?: string | undefined;
  readonly time_max?: string | undefined;
  readonly report_preparation?: boolean | undefined;
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
  readonly total_tokens?: string | undefined;
  readonly message_count?: number | undefined;
  readonly create_time?: string | undefined;
  readonly update_time?: string | undefined;
  readonly expire_time?: string | undefined;
  readonly parent_id?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly messages?: readonly MessageInfo[] | undefined;
  readonly store_time?: string | undefined;
}

export interface ConversationFilter {
  readonly application?: string | undefined;
  readonly model?: string | undefined;
  readonly tokenizer?: string | undefined;
  readonly id_prefix?: string | undefined;
  readonly create_time_from?: string | undefined;
  readonly create_time_before?: string | undefined;
  readonly min_tokens?: string | undefined;
  readonly max_tokens?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly conditions?: readonly ValueCondition[] | undefined;
  readonly update_time_from?: string | undefined;
  readonly update_time_before?: string | undefined;
  readonly expire_time_from?: string | undefined;
  readonly expire_time_before?: string | undefined;
  readonly expires?: boolean | undefined;
}

export interface CountSegmentUsesRequest {
  readonly vault?: string | undefined;
  readonly segment_hash?: string | undefined;
  readonly time_zone?: string | undefined;
}

export interface CreateVaultRequest {
  readonly vault?: string | undefined;
  readonly settings?: VaultSettings | undefined;
}

export interface DeleteConversationRequest {
  readonly vault?: string | undefined;
  readonly id?: string | undefined;
  readonly allow_missing?: boolean | undefined;
  readonly if_revision?: string | undefined;
  readonly request_id?: string | undefined;
}

export interface DeleteConversationsRequest {
  readonly vault?: string | undefined;
  readonly filter?: ConversationFilter | undefined;
  readonly ids?: readonly string[] | undefined;
  readonly all?: boolean | undefined;
  readonly dry_run?: boolean | undefined;
  readonly expired?: ConversationFilter | undefined;
}

export interface DeleteSegmentRequest {
  readonly vault?: string | undefined;
  readonly hash?: string | undefined;
}

export interface DeleteVaultRequest {
  readonly vault?: string | undefined;
  readonly confirm_vault?: string | undefined;
}

export type Encoding = 'ENCODING_UNSPECIFIED' | 'ENCODING_TOKENS' | 'ENCODING_LE32' | 'ENCODING_TEXT';

export interface EraseConversationsRequest {
  readonly vault?: string | undefined;
  readonly ids?: readonly string[] | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly dry_run?: boolean | undefined;
  readonly wait?: string | undefined;
}

export interface FindDuplicatesRequest {
  readonly vault?: string | undefined;
  readonly filter?: ConversationFilter | undefined;
  readonly threshold?: number | undefined;
  readonly page_size?: number | undefined;
}

export interface FindPrefixRequest {
  readonly vault?: string | undefined;
  readonly prefix?: Prefix | undefined;
  readonly tokenizer?: string | undefined;
  readonly application?: string | undefined;
  readonly min_tokens?: string | undefined;
  readonly limit?: number | undefined;
}

export interface FindSimilarRequest {
  readonly vault?: string | undefined;
  readonly content?: Prefix | undefined;
  readonly tokenizer?: string | undefined;
  readonly conversation_id?: string | undefined;
  readonly segment_hash?: string | undefined;
  readonly threshold?: number | undefined;
  readonly filter?: ConversationFilter | undefined;
  readonly order?: SimilarOrder | undefined;
  readonly page_size?: number | undefined;
}

export interface ForkConversationRequest {
  readonly vault?: string | undefined;
  readonly id?: string | undefined;
  readonly new_id?: string | undefined;
  readonly request_id?: string | undefined;
  readonly if_revision?: string | undefined;
  readonly message_count?: number | undefined;
}

export interface GetAttachmentRequest {
  readonly vault?: string | undefined;
  readonly id?: string | undefined;
  readonly message_index?: number | undefined;
  readonly attachment_index?: number | undefined;
  readonly if_revision?: string | undefined;
}

export interface GetCapabilitiesRequest {
  readonly vault?: string | undefined;
}

export interface GetConversationRequest {
  readonly vault?: string | undefined;
  readonly id?: string | undefined;
  readonly include_messages?: boolean | undefined;
  readonly message_offset?: number | undefined;
  readonly message_limit?: number | undefined;
  readonly if_revision?: string | undefined;
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
  readonly group_by?: readonly string[] | undefined;
  readonly labels?: readonly string[] | undefined;
  readonly start_time?: string | undefined;
  readonly end_time?: string | undefined;
  readonly time_zone?: string | undefined;
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
  readonly lifetime?: string | undefined;
}

export interface Lifetimes {
  readonly lifetimes?: readonly Lifetime[] | undefined;
}

export interface ListAuditEventsRequest {
  readonly vault?: string | undefined;
  readonly identity?: string | undefined;
  readonly start_time?: string | undefined;
  readonly end_time?: string | undefined;
  readonly page_size?: number | undefined;
  readonly page_token?: string | undefined;
}

export interface ListConversationsRequest {
  readonly vault?: string | undefined;
  readonly filter?: ConversationFilter | undefined;
  readonly page_size?: number | undefined;
  readonly page_token?: string | undefined;
  readonly order?: ListOrder | undefined;
  readonly count?: boolean | undefined;
}

export interface ListGarbageRequest {
  readonly vault?: string | undefined;
  readonly page_size?: number | undefined;
  readonly page_token?: string | undefined;
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
  readonly segment_hash?: string | undefined;
  readonly page_size?: number | undefined;
  readonly page_token?: string | undefined;
}

export interface ListSharedSegmentsRequest {
  readonly vault?: string | undefined;
  readonly order?: SharedSegmentOrder | undefined;
  readonly page_size?: number | undefined;
}

export interface ListVaultsRequest {
  readonly page_size?: number | undefined;
  readonly page_token?: string | undefined;
}

export interface ListWarmPrefixesRequest {
  readonly vault?: string | undefined;
  readonly application?: string | undefined;
  readonly create_time_from?: string | undefined;
  readonly min_tokens?: string | undefined;
  readonly page_size?: number | undefined;
  readonly without_tokens?: boolean | undefined;
}

export interface Message {
  readonly role?: string | undefined;
  readonly name?: string | undefined;
  readonly tool_call_id?: string | undefined;
  readonly tokens?: TokenList | undefined;
  readonly tokens_le32?: string | undefined;
  readonly text?: string | undefined;
  readonly fields_json?: string | undefined;
  readonly special_tokens?: boolean | undefined;
  readonly attachments?: readonly string[] | undefined;
}

export interface MessageInfo {
  readonly role?: string | undefined;
  readonly name?: string | undefined;
  readonly tool_call_id?: string | undefined;
  readonly token_count?: string | undefined;
  readonly segments?: readonly SegmentInfo[] | undefined;
  readonly fields_json?: string | undefined;
  readonly attachments?: readonly AttachmentInfo[] | undefined;
}

export interface NewSegment {
  readonly tokens?: TokenList | undefined;
  readonly tokens_le32?: string | undefined;
}

export interface Prefix {
  readonly tokens?: TokenList | undefined;
  readonly tokens_le32?: string | undefined;
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
  readonly chat_template?: string | undefined;
  readonly add_generation_prompt?: boolean | undefined;
}

export interface RenderMessagesRequest {
  readonly vault?: string | undefined;
  readonly tokenizer?: string | undefined;
  readonly messages?: readonly Message[] | undefined;
  readonly model?: string | undefined;
  readonly render?: Render | undefined;
  readonly create_time?: string | undefined;
}

export interface RetrieveConversationRequest {
  readonly vault?: string | undefined;
  readonly id?: string | undefined;
  readonly message_offset?: number | undefined;
  readonly message_limit?: number | undefined;
  readonly token_offset?: string | undefined;
  readonly token_limit?: string | undefined;
  readonly encoding?: Encoding | undefined;
  readonly if_revision?: string | undefined;
  readonly include_fields?: boolean | undefined;
  readonly exact_text?: boolean | undefined;
  readonly include_tokens?: boolean | undefined;
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
  readonly ignore_case?: boolean | undefined;
  readonly whole_words?: boolean | undefined;
  readonly limit?: number | undefined;
  readonly page_token?: string | undefined;
}

export interface SegmentInfo {
  readonly hash?: string | undefined;
  readonly token_count?: number | undefined;
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
  readonly request_id?: string | undefined;
  readonly if_revision?: string | undefined;
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
  readonly content?: string | undefined;
}

export interface UploadConversationRequest {
  readonly spec?: UploadSpec | undefined;
  readonly message?: UploadMessage | undefined;
  readonly tokens?: UploadTokens | undefined;
  readonly finish?: UploadFinish | undefined;
  readonly attachment?: UploadAttachment | undefined;
}

export interface UploadFinish {
  readonly total_tokens?: string | undefined;
}

export interface UploadMessage {
  readonly role?: string | undefined;
  readonly name?: string | undefined;
  readonly tool_call_id?: string | undefined;
  readonly fields_json?: string | undefined;
  readonly special_tokens?: boolean | undefined;
}

export interface UploadSpec {
  readonly vault?: string | undefined;
  readonly conversation?: Conversation | undefined;
  readonly request_id?: string | undefined;
  readonly if_revision?: string | undefined;
}

export interface UploadTokens {
  readonly tokens?: TokenList | undefined;
  readonly tokens_le32?: string | undefined;
  readonly text?: string | undefined;
}

export interface ValueCondition {
  readonly field?: ConditionField | undefined;
  readonly key?: string | undefined;
  readonly values?: readonly string[] | undefined;
  readonly negated?: boolean | undefined;
}

export interface VaultSettings {
  readonly prefix_index?: boolean | undefined;
  readonly auto_compact?: boolean | undefined;
  readonly quota_bytes?: string | undefined;
  readonly labels?: Labels | undefined;
  readonly lifetime?: string | undefined;
  readonly lifetimes?: Lifetimes | undefined;
  readonly keep?: KeptLabels | undefined;
  readonly conversations_max?: string | undefined;
  readonly content_bytes_max?: string | undefined;
  readonly keep_usage?: string | undefined;
}

export interface VerifyVaultRequest {
  readonly vault?: string | undefined;
  readonly repair?: boolean | undefined;
}
