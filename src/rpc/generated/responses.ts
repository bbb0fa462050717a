// Generated from proto/ by generate.mjs, with every build. Edits are lost.
export interface AddReferencesResponse {
  readonly results?: readonly ReferenceResult[] | undefined;
}

export interface Any {
  readonly type_url?: string | undefined;
  readonly value?: Uint8Array | undefined;
}

export interface AppendMessagesResponse {
  readonly conversation?: Conversation | undefined;
  readonly total_segments?: number | undefined;
  readonly new_segments?: number | undefined;
  readonly deduped_segments?: number | undefined;
  readonly new_tokens?: number | undefined;
  readonly stored_bytes?: number | undefined;
}

export interface AttachmentInfo {
  readonly sha256?: string | undefined;
  readonly size_bytes?: number | undefined;
}

export interface AuditEvent {
  readonly number?: number | undefined;
  readonly time?: Timestamp | undefined;
  readonly identity?: string | undefined;
  readonly peer?: string | undefined;
  readonly method?: string | undefined;
  readonly vault?: string | undefined;
  readonly ids?: readonly string[] | undefined;
  readonly id_count?: number | undefined;
  readonly result?: string | undefined;
  readonly repeated?: number | undefined;
}

export interface BackupVaultResponse {
  readonly data?: Uint8Array | undefined;
}

export interface Chunk {
  readonly message_index?: number | undefined;
  readonly token_offset?: number | undefined;
  readonly tokens?: TokenList | undefined;
  readonly tokens_le32?: Uint8Array | undefined;
  readonly text?: string | undefined;
  readonly end_of_message?: boolean | undefined;
  readonly message?: MessageInfo | undefined;
  readonly replaced?: boolean | undefined;
  readonly text_tokens_le32?: Uint8Array | undefined;
  readonly text_token_ends?: readonly number[] | undefined;
}

export interface CollectGarbageResponse {
  readonly plan?: GarbagePlan | undefined;
  readonly progress?: GarbageProgress | undefined;
  readonly summary?: GarbageSummary | undefined;
  readonly preparation?: Preparation | undefined;
}

export interface CompactSubstringsResponse {
  readonly plan?: CompactionPlan | undefined;
  readonly progress?: CompactionProgress | undefined;
  readonly summary?: CompactionSummary | undefined;
  readonly preparation?: Preparation | undefined;
}

export const CompactionEnd = {
  UNSPECIFIED: 0,
  COMPLETE: 1,
  DRY_RUN: 2,
  NOT_WORTH_IT: 3,
  BUDGET_REACHED: 4,
} as const;

export interface CompactionPlan {
  readonly segments?: number | undefined;
  readonly segment_bytes?: number | undefined;
  readonly sample_segments?: number | undefined;
  readonly sample_tokens?: number | undefined;
  readonly registry_id?: number | undefined;
  readonly registry_bytes?: number | undefined;
  readonly new_registry?: boolean | undefined;
  readonly predicted_segment_bytes?: number | undefined;
  readonly predicted_savings_ratio?: number | undefined;
  readonly reclaimable_page_bytes?: number | undefined;
}

export interface CompactionProgress {
  readonly segments_done?: number | undefined;
  readonly segments?: number | undefined;
  readonly bytes_before?: number | undefined;
  readonly bytes_after?: number | undefined;
  readonly segments_per_second?: number | undefined;
  readonly resume_token?: string | undefined;
}

export interface CompactionSummary {
  readonly end?: (typeof CompactionEnd)[keyof typeof CompactionEnd] | undefined;
  readonly segments_done?: number | undefined;
  readonly segments_rewritten?: number | undefined;
  readonly bytes_before?: number | undefined;
  readonly bytes_after?: number | undefined;
  readonly registry_id?: number | undefined;
  readonly registries_dropped?: readonly number[] | undefined;
  readonly in_use_bytes_before?: number | undefined;
  readonly in_use_bytes_after?: number | undefined;
  readonly resume_token?: string | undefined;
}

export interface Conversation {
  readonly id?: string | undefined;
  readonly application?: string | undefined;
  readonly model?: string | undefined;
  readonly tokenizer?: string | undefined;
  readonly revision?: number | undefined;
  readonly total_tokens?: number | undefined;
  readonly message_count?: number | undefined;
  readonly create_time?: Timestamp | undefined;
  readonly update_time?: Timestamp | undefined;
  readonly expire_time?: Timestamp | undefined;
  readonly parent_id?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly messages?: readonly MessageInfo[] | undefined;
  readonly store_time?: Timestamp | undefined;
}

export interface CountSegmentUsesResponse {
  readonly looked_at?: number | undefined;
  readonly damaged?: number | undefined;
  readonly days?: readonly SegmentUsesOfDay[] | undefined;
}

export interface CreateVaultResponse {
  readonly vault?: Vault | undefined;
}

export interface DamagedConversation {
  readonly id?: string | undefined;
  readonly status?: ItemStatus | undefined;
}

export interface DamagedSegment {
  readonly status?: ItemStatus | undefined;
  readonly bytes?: number | undefined;
}

export interface DeleteConversationResponse {
  readonly released_references?: number | undefined;
  readonly garbage_segments?: number | undefined;
  readonly missing?: boolean | undefined;
}

export interface DeleteConversationsResponse {
  readonly conversations?: number | undefined;
  readonly missing?: number | undefined;
  readonly changed?: number | undefined;
  readonly released_references?: number | undefined;
  readonly garbage_segments?: number | undefined;
  readonly damaged?: readonly DamagedConversation[] | undefined;
}

export type DeleteSegmentResponse = Record<string, never>;

export type DeleteVaultResponse = Record<string, never>;

export interface DiskSpace {
  readonly allocated_bytes?: number | undefined;
  readonly in_use_bytes?: number | undefined;
  readonly given_back_bytes?: number | undefined;
  readonly is_giving_back?: boolean | undefined;
  readonly unsupported?: string | undefined;
}

export interface Duplicate {
  readonly conversation_id?: string | undefined;
  readonly similarity?: number | undefined;
  readonly token_count?: number | undefined;
}

export interface Duration {
  readonly seconds?: number | undefined;
  readonly nanos?: number | undefined;
}

export interface EraseConversationsResponse {
  readonly progress?: EraseProgress | undefined;
  readonly receipt?: EraseReceipt | undefined;
}

export const EraseGap = {
  UNSPECIFIED: 0,
  READERS: 1,
  DAMAGE: 2,
  REGISTRIES: 3,
  STORED: 4,
  DATABASE: 5,
} as const;

export const ErasePhase = {
  UNSPECIFIED: 0,
  DELETING: 1,
  COLLECTING: 2,
  FORGETTING: 3,
  REGISTRIES: 4,
  OVERWRITING: 5,
  VERIFYING: 6,
} as const;

export interface EraseProgress {
  readonly phase?: (typeof ErasePhase)[keyof typeof ErasePhase] | undefined;
  readonly conversations?: number | undefined;
}

export interface EraseReceipt {
  readonly time?: Timestamp | undefined;
  readonly dry_run?: boolean | undefined;
  readonly conversations?: number | undefined;
  readonly messages?: number | undefined;
  readonly tokens?: number | undefined;
  readonly missing?: number | undefined;
  readonly segments?: number | undefined;
  readonly segment_tokens?: number | undefined;
  readonly shared_segments?: number | undefined;
  readonly shared_tokens?: number | undefined;
  readonly shared?: readonly SharedContent[] | undefined;
  readonly children?: number | undefined;
  readonly forgotten_requests?: number | undefined;
  readonly forgotten_usage_groups?: number | undefined;
  readonly registries_compared?: number | undefined;
  readonly registries_replaced?: readonly number[] | undefined;
  readonly pages_in_use?: number | undefined;
  readonly pages_free?: number | undefined;
  readonly overwritten_bytes?: number | undefined;
  readonly violations?: number | undefined;
  readonly gaps?: readonly (typeof EraseGap)[keyof typeof EraseGap][] | undefined;
}

export interface ErrorInfo {
  readonly reason?: string | undefined;
  readonly domain?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

export interface FindDuplicatesResponse {
  readonly conversation_id?: string | undefined;
  readonly token_count?: number | undefined;
  readonly duplicates?: readonly Duplicate[] | undefined;
  readonly conversations?: number | undefined;
  readonly uncompared?: number | undefined;
  readonly not_kept?: number | undefined;
}

export interface FindPrefixResponse {
  readonly matches?: readonly PrefixMatch[] | undefined;
}

export interface FindSimilarResponse {
  readonly matches?: readonly SimilarMatch[] | undefined;
  readonly compared?: number | undefined;
  readonly uncompared?: number | undefined;
}

export interface ForkConversationResponse {
  readonly conversation?: Conversation | undefined;
  readonly total_segments?: number | undefined;
  readonly new_segments?: number | undefined;
  readonly deduped_segments?: number | undefined;
  readonly new_tokens?: number | undefined;
  readonly stored_bytes?: number | undefined;
  readonly unchanged?: boolean | undefined;
}

export interface GarbagePlan {
  readonly segments?: number | undefined;
  readonly bytes?: number | undefined;
}

export interface GarbageProgress {
  readonly segments?: number | undefined;
  readonly bytes?: number | undefined;
}

export interface GarbageSegment {
  readonly hash?: string | undefined;
  readonly token_count?: number | undefined;
  readonly bytes?: number | undefined;
}

export interface GarbageSummary {
  readonly segments?: number | undefined;
  readonly bytes?: number | undefined;
  readonly kept_segments?: number | undefined;
}

export interface GetAttachmentResponse {
  readonly info?: AttachmentInfo | undefined;
  readonly content?: Uint8Array | undefined;
}

export interface GetCapabilitiesResponse {
  readonly version?: string | undefined;
  readonly storage?: string | undefined;
  readonly tokenizers?: readonly string[] | undefined;
  readonly limits?: Readonly<Record<string, number>> | undefined;
  readonly read_only?: boolean | undefined;
  readonly tokenizer_infos?: readonly TokenizerInfo[] | undefined;
}

export interface GetConversationResponse {
  readonly conversation?: Conversation | undefined;
  readonly next_message_offset?: number | undefined;
}

export interface GetRetentionResponse {
  readonly expired_conversations?: number | undefined;
  readonly is_lower_bound?: boolean | undefined;
  readonly is_above_limit?: boolean | undefined;
  readonly sweep_interval?: Duration | undefined;
  readonly is_sweeping?: boolean | undefined;
  readonly last_sweep_time?: Timestamp | undefined;
  readonly swept_conversations?: number | undefined;
  readonly space?: DiskSpace | undefined;
}

export interface GetSegmentsResponse {
  readonly index?: number | undefined;
  readonly status?: ItemStatus | undefined;
  readonly token_count?: number | undefined;
  readonly token_offset?: number | undefined;
  readonly tokens?: TokenList | undefined;
  readonly tokens_le32?: Uint8Array | undefined;
  readonly end_of_segment?: boolean | undefined;
}

export interface GetStatsResponse {
  readonly conversations?: number | undefined;
  readonly messages?: number | undefined;
  readonly segments?: number | undefined;
  readonly tokens?: number | undefined;
  readonly unique_tokens?: number | undefined;
  readonly raw_bytes?: number | undefined;
  readonly unique_raw_bytes?: number | undefined;
  readonly segment_bytes?: number | undefined;
  readonly registry_bytes?: number | undefined;
  readonly garbage_segments?: number | undefined;
  readonly garbage_bytes?: number | undefined;
  readonly in_use_bytes?: number | undefined;
  readonly file_bytes?: number | undefined;
}

export interface GetUsageResponse {
  readonly rows?: readonly UsageRow[] | undefined;
}

export interface GetVaultResponse {
  readonly vault?: Vault | undefined;
}

export interface HasSegmentResult {
  readonly status?: ItemStatus | undefined;
  readonly found?: boolean | undefined;
  readonly token_count?: number | undefined;
  readonly ref_count?: number | undefined;
}

export interface HasSegmentsResponse {
  readonly results?: readonly HasSegmentResult[] | undefined;
}

export interface ItemStatus {
  readonly code?: number | undefined;
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

export interface JoinedMessages {
  readonly tokens_le32?: Uint8Array | undefined;
  readonly token_counts?: readonly number[] | undefined;
  readonly message_roles?: readonly number[] | undefined;
  readonly roles?: readonly string[] | undefined;
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

export interface ListAuditEventsResponse {
  readonly events?: readonly AuditEvent[] | undefined;
  readonly next_page_token?: string | undefined;
}

export interface ListConversationsResponse {
  readonly conversations?: readonly Conversation[] | undefined;
  readonly next_page_token?: string | undefined;
  readonly damaged?: readonly DamagedConversation[] | undefined;
  readonly total_count?: number | undefined;
  readonly total_is_lower_bound?: boolean | undefined;
}

export interface ListGarbageResponse {
  readonly segments?: readonly GarbageSegment[] | undefined;
  readonly next_page_token?: string | undefined;
  readonly damaged?: readonly DamagedSegment[] | undefined;
}

export interface ListRegistriesResponse {
  readonly registries?: readonly RegistryInfo[] | undefined;
}

export interface ListSegmentUsesResponse {
  readonly uses?: readonly SegmentUse[] | undefined;
  readonly next_page_token?: string | undefined;
  readonly looked_at?: number | undefined;
  readonly damaged?: number | undefined;
}

export interface ListSharedSegmentsResponse {
  readonly segments?: readonly SharedSegment[] | undefined;
}

export interface ListVaultsResponse {
  readonly vaults?: readonly Vault[] | undefined;
  readonly next_page_token?: string | undefined;
}

export interface ListWarmPrefixesResponse {
  readonly prefix?: WarmPrefix | undefined;
  readonly tokens_le32?: Uint8Array | undefined;
}

export interface MessageInfo {
  readonly role?: string | undefined;
  readonly name?: string | undefined;
  readonly tool_call_id?: string | undefined;
  readonly token_count?: number | undefined;
  readonly segments?: readonly SegmentInfo[] | undefined;
  readonly fields_json?: string | undefined;
  readonly attachments?: readonly AttachmentInfo[] | undefined;
}

export interface PrefixMatch {
  readonly conversation?: Conversation | undefined;
  readonly shared_tokens?: number | undefined;
}

export interface Preparation {
  readonly phase?: (typeof PreparationPhase)[keyof typeof PreparationPhase] | undefined;
  readonly done?: number | undefined;
  readonly total?: number | undefined;
}

export const PreparationPhase = {
  UNSPECIFIED: 0,
  CHECKING: 1,
  SAMPLING: 2,
  TRAINING: 3,
} as const;

export interface PutSegmentResult {
  readonly status?: ItemStatus | undefined;
  readonly hash?: string | undefined;
  readonly token_count?: number | undefined;
}

export interface PutSegmentsResponse {
  readonly results?: readonly PutSegmentResult[] | undefined;
}

export interface ReferenceResult {
  readonly status?: ItemStatus | undefined;
  readonly ref_count?: number | undefined;
}

export interface RegistryInfo {
  readonly id?: number | undefined;
  readonly create_time?: Timestamp | undefined;
  readonly bytes?: number | undefined;
  readonly segments?: number | undefined;
  readonly segment_bytes?: number | undefined;
  readonly ratio?: number | undefined;
}

export interface RemoveReferencesResponse {
  readonly results?: readonly ReferenceResult[] | undefined;
}

export interface RenderMessagesResponse {
  readonly header?: Conversation | undefined;
  readonly chunk?: Chunk | undefined;
}

export interface RetrieveConversationResponse {
  readonly header?: Conversation | undefined;
  readonly chunk?: Chunk | undefined;
}

export interface RetrieveConversationsResponse {
  readonly parts?: readonly RetrievedPart[] | undefined;
}

export interface RetrievedPart {
  readonly header?: Conversation | undefined;
  readonly chunk?: Chunk | undefined;
  readonly joined?: JoinedMessages | undefined;
  readonly index?: number | undefined;
  readonly status?: ItemStatus | undefined;
}

export interface SearchConversationsResponse {
  readonly hits?: readonly SearchHit[] | undefined;
  readonly next_page_token?: string | undefined;
  readonly conversations?: number | undefined;
  readonly unsearched?: number | undefined;
}

export interface SearchHit {
  readonly conversation_id?: string | undefined;
  readonly revision?: number | undefined;
  readonly message_index?: number | undefined;
  readonly text_offset?: number | undefined;
  readonly snippet?: string | undefined;
  readonly role?: string | undefined;
  readonly snippet_offset?: number | undefined;
  readonly snippet_ends_message?: boolean | undefined;
}

export interface SegmentInfo {
  readonly hash?: string | undefined;
  readonly token_count?: number | undefined;
}

export interface SegmentUse {
  readonly conversation_id?: string | undefined;
  readonly create_time?: Timestamp | undefined;
  readonly message_index?: number | undefined;
  readonly role?: string | undefined;
}

export interface SegmentUsesOfDay {
  readonly day?: string | undefined;
  readonly conversations?: number | undefined;
}

export interface SharedContent {
  readonly hash?: string | undefined;
  readonly tokens?: number | undefined;
  readonly references?: number | undefined;
}

export interface SharedSegment {
  readonly hash?: string | undefined;
  readonly token_count?: number | undefined;
  readonly references?: number | undefined;
  readonly tokens_saved?: number | undefined;
  readonly role?: string | undefined;
  readonly conversation_id?: string | undefined;
  readonly text?: string | undefined;
  readonly first_use_time?: Timestamp | undefined;
  readonly last_use_time?: Timestamp | undefined;
}

export interface SimilarMatch {
  readonly conversation?: Conversation | undefined;
  readonly segment_hash?: string | undefined;
  readonly token_count?: number | undefined;
  readonly similarity?: number | undefined;
  readonly shared_shingles?: number | undefined;
  readonly shingles?: number | undefined;
}

export interface Status {
  readonly code?: number | undefined;
  readonly message?: string | undefined;
  readonly details?: readonly Any[] | undefined;
}

export interface StoreConversationResponse {
  readonly conversation?: Conversation | undefined;
  readonly total_segments?: number | undefined;
  readonly new_segments?: number | undefined;
  readonly deduped_segments?: number | undefined;
  readonly new_tokens?: number | undefined;
  readonly stored_bytes?: number | undefined;
  readonly unchanged?: boolean | undefined;
}

export interface Timestamp {
  readonly seconds?: number | undefined;
  readonly nanos?: number | undefined;
}

export interface TokenList {
  readonly ids?: readonly number[] | undefined;
}

export interface TokenizerInfo {
  readonly name?: string | undefined;
  readonly kind?: string | undefined;
  readonly vocabulary_size?: number | undefined;
  readonly sha256?: string | undefined;
  readonly changes_beside?: readonly string[] | undefined;
}

export interface UpdateVaultResponse {
  readonly vault?: Vault | undefined;
}

export interface UploadConversationResponse {
  readonly conversation?: Conversation | undefined;
  readonly total_segments?: number | undefined;
  readonly new_segments?: number | undefined;
  readonly deduped_segments?: number | undefined;
  readonly new_tokens?: number | undefined;
  readonly stored_bytes?: number | undefined;
  readonly unchanged?: boolean | undefined;
}

export interface UsageRow {
  readonly day?: string | undefined;
  readonly hour?: string | undefined;
  readonly application?: string | undefined;
  readonly model?: string | undefined;
  readonly tokenizer?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly conversations?: number | undefined;
  readonly messages?: number | undefined;
  readonly tokens?: number | undefined;
  readonly system_tokens?: number | undefined;
  readonly user_tokens?: number | undefined;
  readonly assistant_tokens?: number | undefined;
  readonly new_tokens?: number | undefined;
  readonly repeated_tokens?: number | undefined;
  readonly prefix_tokens?: number | undefined;
  readonly stored_bytes?: number | undefined;
}

export interface Vault {
  readonly name?: string | undefined;
  readonly vault_id?: string | undefined;
  readonly create_time?: Timestamp | undefined;
  readonly settings?: VaultSettings | undefined;
  readonly state?: (typeof VaultState)[keyof typeof VaultState] | undefined;
  readonly cause?: string | undefined;
  readonly work?: readonly VaultWork[] | undefined;
}

export interface VaultSettings {
  readonly prefix_index?: boolean | undefined;
  readonly auto_compact?: boolean | undefined;
  readonly quota_bytes?: number | undefined;
  readonly labels?: Labels | undefined;
  readonly lifetime?: Duration | undefined;
  readonly lifetimes?: Lifetimes | undefined;
  readonly keep?: KeptLabels | undefined;
  readonly conversations_max?: number | undefined;
  readonly content_bytes_max?: number | undefined;
  readonly keep_usage?: Duration | undefined;
}

export const VaultState = {
  UNSPECIFIED: 0,
  OPEN: 1,
  CLOSED: 2,
  READ_ONLY: 3,
  FAILED: 4,
} as const;

export interface VaultWork {
  readonly task?: string | undefined;
  readonly start_time?: Timestamp | undefined;
}

export interface VerifyNote {
  readonly subject?: string | undefined;
  readonly detail?: string | undefined;
}

export const VerifyPhase = {
  UNSPECIFIED: 0,
  CHECKING: 1,
  REBUILDING: 2,
  CHECKING_AGAIN: 3,
} as const;

export interface VerifyProgress {
  readonly records_done?: number | undefined;
  readonly records?: number | undefined;
  readonly phase?: (typeof VerifyPhase)[keyof typeof VerifyPhase] | undefined;
}

export interface VerifySummary {
  readonly records?: number | undefined;
  readonly violations?: number | undefined;
  readonly repaired?: number | undefined;
}

export interface VerifyVaultResponse {
  readonly progress?: VerifyProgress | undefined;
  readonly violation?: Violation | undefined;
  readonly summary?: VerifySummary | undefined;
  readonly repaired?: Violation | undefined;
  readonly note?: VerifyNote | undefined;
}

export interface Violation {
  readonly invariant?: string | undefined;
  readonly subject?: string | undefined;
  readonly detail?: string | undefined;
}

export interface WarmPrefix {
  readonly application?: string | undefined;
  readonly token_count?: number | undefined;
  readonly conversations?: number | undefined;
  readonly conversation_id?: string | undefined;
  readonly last_use_time?: Timestamp | undefined;
}

/** By full name. */
export interface Responses {
  'stowken.v1.StoreConversationResponse': StoreConversationResponse;
  'stowken.v1.UploadConversationResponse': UploadConversationResponse;
  'stowken.v1.AppendMessagesResponse': AppendMessagesResponse;
  'stowken.v1.ForkConversationResponse': ForkConversationResponse;
  'stowken.v1.RetrieveConversationResponse': RetrieveConversationResponse;
  'stowken.v1.RenderMessagesResponse': RenderMessagesResponse;
  'stowken.v1.GetAttachmentResponse': GetAttachmentResponse;
  'stowken.v1.RetrieveConversationsResponse': RetrieveConversationsResponse;
  'stowken.v1.GetConversationResponse': GetConversationResponse;
  'stowken.v1.DeleteConversationResponse': DeleteConversationResponse;
  'stowken.v1.DeleteConversationsResponse': DeleteConversationsResponse;
  'stowken.v1.ListConversationsResponse': ListConversationsResponse;
  'stowken.v1.FindPrefixResponse': FindPrefixResponse;
  'stowken.v1.SearchConversationsResponse': SearchConversationsResponse;
  'stowken.v1.CollectGarbageResponse': CollectGarbageResponse;
  'stowken.v1.CompactSubstringsResponse': CompactSubstringsResponse;
  'stowken.v1.EraseConversationsResponse': EraseConversationsResponse;
  'stowken.v1.ListRegistriesResponse': ListRegistriesResponse;
  'stowken.v1.VerifyVaultResponse': VerifyVaultResponse;
  'stowken.v1.BackupVaultResponse': BackupVaultResponse;
  'stowken.v1.GetStatsResponse': GetStatsResponse;
  'stowken.v1.GetCapabilitiesResponse': GetCapabilitiesResponse;
  'stowken.v1.PutSegmentsResponse': PutSegmentsResponse;
  'stowken.v1.GetSegmentsResponse': GetSegmentsResponse;
  'stowken.v1.HasSegmentsResponse': HasSegmentsResponse;
  'stowken.v1.AddReferencesResponse': AddReferencesResponse;
  'stowken.v1.RemoveReferencesResponse': RemoveReferencesResponse;
  'stowken.v1.DeleteSegmentResponse': DeleteSegmentResponse;
  'stowken.v1.ListGarbageResponse': ListGarbageResponse;
  'stowken.v1.CreateVaultResponse': CreateVaultResponse;
  'stowken.v1.GetVaultResponse': GetVaultResponse;
  'stowken.v1.UpdateVaultResponse': UpdateVaultResponse;
  'stowken.v1.ListVaultsResponse': ListVaultsResponse;
  'stowken.v1.DeleteVaultResponse': DeleteVaultResponse;
  'stowken.v1.GetRetentionResponse': GetRetentionResponse;
  'stowken.v1.ListAuditEventsResponse': ListAuditEventsResponse;
  'stowken.v1.GetUsageResponse': GetUsageResponse;
  'stowken.v1.ListSharedSegmentsResponse': ListSharedSegmentsResponse;
  'stowken.v1.ListSegmentUsesResponse': ListSegmentUsesResponse;
  'stowken.v1.CountSegmentUsesResponse': CountSegmentUsesResponse;
  'stowken.v1.ListWarmPrefixesResponse': ListWarmPrefixesResponse;
  'stowken.v1.FindSimilarResponse': FindSimilarResponse;
  'stowken.v1.FindDuplicatesResponse': FindDuplicatesResponse;
  'google.rpc.Status': Status;
  'google.rpc.ErrorInfo': ErrorInfo;
}
