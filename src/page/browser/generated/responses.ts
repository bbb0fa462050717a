// Generated from proto/ by generate.mjs, with every build. Edits are lost.
export interface AddReferencesResponse {
  readonly results: readonly ReferenceResult[];
}

export interface Any {
  readonly type_url: string;
  readonly value: string;
}

export interface AppendMessagesResponse {
  readonly conversation: Conversation | null;
  readonly total_segments: string;
  readonly new_segments: string;
  readonly deduped_segments: string;
  readonly new_tokens: string;
  readonly stored_bytes: string;
}

export interface AttachmentInfo {
  readonly sha256: string;
  readonly size_bytes: string;
}

export interface AuditEvent {
  readonly number: string;
  readonly time: string | null;
  readonly identity: string;
  readonly peer: string;
  readonly method: string;
  readonly vault: string;
  readonly ids: readonly string[];
  readonly id_count: string;
  readonly result: string;
  readonly repeated: string;
}

export interface BackupVaultResponse {
  readonly data: string;
}

export interface Chunk {
  readonly message_index: number;
  readonly token_offset: string;
  readonly tokens: TokenList | undefined;
  readonly tokens_le32: string | undefined;
  readonly text: string | undefined;
  readonly end_of_message: boolean;
  readonly message: MessageInfo | null;
  readonly replaced: boolean;
  readonly text_tokens_le32: string;
  readonly text_token_ends: readonly number[];
}

export interface CollectGarbageResponse {
  readonly plan: GarbagePlan | undefined;
  readonly progress: GarbageProgress | undefined;
  readonly summary: GarbageSummary | undefined;
  readonly preparation: Preparation | undefined;
}

export interface CompactSubstringsResponse {
  readonly plan: CompactionPlan | undefined;
  readonly progress: CompactionProgress | undefined;
  readonly summary: CompactionSummary | undefined;
  readonly preparation: Preparation | undefined;
}

export type CompactionEnd =
  | 'COMPACTION_END_UNSPECIFIED'
  | 'COMPACTION_END_COMPLETE'
  | 'COMPACTION_END_DRY_RUN'
  | 'COMPACTION_END_NOT_WORTH_IT'
  | 'COMPACTION_END_BUDGET_REACHED';

export interface CompactionPlan {
  readonly segments: string;
  readonly segment_bytes: string;
  readonly sample_segments: string;
  readonly sample_tokens: string;
  readonly registry_id: number;
  readonly registry_bytes: string;
  readonly new_registry: boolean;
  readonly predicted_segment_bytes: string;
  readonly predicted_savings_ratio: number;
  readonly reclaimable_page_bytes: string;
}

export interface CompactionProgress {
  readonly segments_done: string;
  readonly segments: string;
  readonly bytes_before: string;
  readonly bytes_after: string;
  readonly segments_per_second: string;
  readonly resume_token: string;
}

export interface CompactionSummary {
  readonly end: CompactionEnd;
  readonly segments_done: string;
  readonly segments_rewritten: string;
  readonly bytes_before: string;
  readonly bytes_after: string;
  readonly registry_id: number;
  readonly registries_dropped: readonly number[];
  readonly in_use_bytes_before: string;
  readonly in_use_bytes_after: string;
  readonly resume_token: string;
}

export interface Conversation {
  readonly id: string;
  readonly application: string;
  readonly model: string;
  readonly tokenizer: string;
  readonly revision: string;
  readonly total_tokens: string;
  readonly message_count: number;
  readonly create_time: string | null;
  readonly update_time: string | null;
  readonly expire_time: string | null;
  readonly parent_id: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly messages: readonly MessageInfo[];
  readonly store_time: string | null;
}

export interface CountSegmentUsesResponse {
  readonly looked_at: string;
  readonly damaged: string;
  readonly days: readonly SegmentUsesOfDay[];
}

export interface CreateVaultResponse {
  readonly vault: Vault | null;
}

export interface DamagedConversation {
  readonly id: string;
  readonly status: ItemStatus | null;
}

export interface DamagedSegment {
  readonly status: ItemStatus | null;
  readonly bytes: string;
}

export interface DeleteConversationResponse {
  readonly released_references: string;
  readonly garbage_segments: string;
  readonly missing: boolean;
}

export interface DeleteConversationsResponse {
  readonly conversations: string;
  readonly missing: string;
  readonly changed: string;
  readonly released_references: string;
  readonly garbage_segments: string;
  readonly damaged: readonly DamagedConversation[];
}

export type DeleteSegmentResponse = Record<string, never>;

export type DeleteVaultResponse = Record<string, never>;

export interface DiskSpace {
  readonly allocated_bytes: string;
  readonly in_use_bytes: string;
  readonly given_back_bytes: string;
  readonly is_giving_back: boolean;
  readonly unsupported: string;
}

export interface Duplicate {
  readonly conversation_id: string;
  readonly similarity: number;
  readonly token_count: string;
}

export interface EraseConversationsResponse {
  readonly progress: EraseProgress | undefined;
  readonly receipt: EraseReceipt | undefined;
}

export type EraseGap =
  | 'ERASE_GAP_UNSPECIFIED'
  | 'ERASE_GAP_READERS'
  | 'ERASE_GAP_DAMAGE'
  | 'ERASE_GAP_REGISTRIES'
  | 'ERASE_GAP_STORED'
  | 'ERASE_GAP_DATABASE';

export type ErasePhase =
  | 'ERASE_PHASE_UNSPECIFIED'
  | 'ERASE_PHASE_DELETING'
  | 'ERASE_PHASE_COLLECTING'
  | 'ERASE_PHASE_FORGETTING'
  | 'ERASE_PHASE_REGISTRIES'
  | 'ERASE_PHASE_OVERWRITING'
  | 'ERASE_PHASE_VERIFYING';

export interface EraseProgress {
  readonly phase: ErasePhase;
  readonly conversations: string;
}

export interface EraseReceipt {
  readonly time: string | null;
  readonly dry_run: boolean;
  readonly conversations: string;
  readonly messages: string;
  readonly tokens: string;
  readonly missing: string;
  readonly segments: string;
  readonly segment_tokens: string;
  readonly shared_segments: string;
  readonly shared_tokens: string;
  readonly shared: readonly SharedContent[];
  readonly children: string;
  readonly forgotten_requests: string;
  readonly forgotten_usage_groups: string;
  readonly registries_compared: string;
  readonly registries_replaced: readonly number[];
  readonly pages_in_use: string;
  readonly pages_free: string;
  readonly overwritten_bytes: string;
  readonly violations: string;
  readonly gaps: readonly EraseGap[];
}

export interface ErrorInfo {
  readonly reason: string;
  readonly domain: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface FindDuplicatesResponse {
  readonly conversation_id: string;
  readonly token_count: string;
  readonly duplicates: readonly Duplicate[];
  readonly conversations: string;
  readonly uncompared: string;
  readonly not_kept: string;
}

export interface FindPrefixResponse {
  readonly matches: readonly PrefixMatch[];
}

export interface FindSimilarResponse {
  readonly matches: readonly SimilarMatch[];
  readonly compared: string;
  readonly uncompared: string;
}

export interface ForkConversationResponse {
  readonly conversation: Conversation | null;
  readonly total_segments: string;
  readonly new_segments: string;
  readonly deduped_segments: string;
  readonly new_tokens: string;
  readonly stored_bytes: string;
  readonly unchanged: boolean;
}

export interface GarbagePlan {
  readonly segments: string;
  readonly bytes: string;
}

export interface GarbageProgress {
  readonly segments: string;
  readonly bytes: string;
}

export interface GarbageSegment {
  readonly hash: string;
  readonly token_count: number;
  readonly bytes: string;
}

export interface GarbageSummary {
  readonly segments: string;
  readonly bytes: string;
  readonly kept_segments: string;
}

export interface GetAttachmentResponse {
  readonly info: AttachmentInfo | undefined;
  readonly content: string | undefined;
}

export interface GetCapabilitiesResponse {
  readonly version: string;
  readonly storage: string;
  readonly tokenizers: readonly string[];
  readonly limits: Readonly<Record<string, string>>;
  readonly read_only: boolean;
  readonly tokenizer_infos: readonly TokenizerInfo[];
}

export interface GetConversationResponse {
  readonly conversation: Conversation | null;
  readonly next_message_offset: number;
}

export interface GetRetentionResponse {
  readonly expired_conversations: string;
  readonly is_lower_bound: boolean;
  readonly is_above_limit: boolean;
  readonly sweep_interval: string | null;
  readonly is_sweeping: boolean;
  readonly last_sweep_time: string | null;
  readonly swept_conversations: string;
  readonly space: DiskSpace | null;
}

export interface GetSegmentsResponse {
  readonly index: number;
  readonly status: ItemStatus | null;
  readonly token_count: number;
  readonly token_offset: number;
  readonly tokens: TokenList | undefined;
  readonly tokens_le32: string | undefined;
  readonly end_of_segment: boolean;
}

export interface GetStatsResponse {
  readonly conversations: string;
  readonly messages: string;
  readonly segments: string;
  readonly tokens: string;
  readonly unique_tokens: string;
  readonly raw_bytes: string;
  readonly unique_raw_bytes: string;
  readonly segment_bytes: string;
  readonly registry_bytes: string;
  readonly garbage_segments: string;
  readonly garbage_bytes: string;
  readonly in_use_bytes: string;
  readonly file_bytes: string;
}

export interface GetUsageResponse {
  readonly rows: readonly UsageRow[];
}

export interface GetVaultResponse {
  readonly vault: Vault | null;
}

export interface HasSegmentResult {
  readonly status: ItemStatus | null;
  readonly found: boolean;
  readonly token_count: number;
  readonly ref_count: string;
}

export interface HasSegmentsResponse {
  readonly results: readonly HasSegmentResult[];
}

export interface ItemStatus {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface JoinedMessages {
  readonly tokens_le32: string;
  readonly token_counts: readonly string[];
  readonly message_roles: readonly number[];
  readonly roles: readonly string[];
}

export interface KeptLabel {
  readonly label: string;
  readonly value: string;
}

export interface KeptLabels {
  readonly labels: readonly KeptLabel[];
}

export interface Labels {
  readonly keys: readonly string[];
}

export interface Lifetime {
  readonly label: string;
  readonly value: string;
  readonly lifetime: string | null;
}

export interface Lifetimes {
  readonly lifetimes: readonly Lifetime[];
}

export interface ListAuditEventsResponse {
  readonly events: readonly AuditEvent[];
  readonly next_page_token: string;
}

export interface ListConversationsResponse {
  readonly conversations: readonly Conversation[];
  readonly next_page_token: string;
  readonly damaged: readonly DamagedConversation[];
  readonly total_count: string;
  readonly total_is_lower_bound: boolean;
}

export interface ListGarbageResponse {
  readonly segments: readonly GarbageSegment[];
  readonly next_page_token: string;
  readonly damaged: readonly DamagedSegment[];
}

export interface ListRegistriesResponse {
  readonly registries: readonly RegistryInfo[];
}

export interface ListSegmentUsesResponse {
  readonly uses: readonly SegmentUse[];
  readonly next_page_token: string;
  readonly looked_at: string;
  readonly damaged: string;
}

export interface ListSharedSegmentsResponse {
  readonly segments: readonly SharedSegment[];
}

export interface ListVaultsResponse {
  readonly vaults: readonly Vault[];
  readonly next_page_token: string;
}

export interface ListWarmPrefixesResponse {
  readonly prefix: WarmPrefix | undefined;
  readonly tokens_le32: string | undefined;
}

export interface MessageInfo {
  readonly role: string;
  readonly name: string;
  readonly tool_call_id: string;
  readonly token_count: string;
  readonly segments: readonly SegmentInfo[];
  readonly fields_json: string;
  readonly attachments: readonly AttachmentInfo[];
}

export interface PrefixMatch {
  readonly conversation: Conversation | null;
  readonly shared_tokens: string;
}

export interface Preparation {
  readonly phase: PreparationPhase;
  readonly done: string;
  readonly total: string;
}

export type PreparationPhase =
  | 'PREPARATION_PHASE_UNSPECIFIED'
  | 'PREPARATION_PHASE_CHECKING'
  | 'PREPARATION_PHASE_SAMPLING'
  | 'PREPARATION_PHASE_TRAINING';

export interface PutSegmentResult {
  readonly status: ItemStatus | null;
  readonly hash: string;
  readonly token_count: number;
}

export interface PutSegmentsResponse {
  readonly results: readonly PutSegmentResult[];
}

export interface ReferenceResult {
  readonly status: ItemStatus | null;
  readonly ref_count: string;
}

export interface RegistryInfo {
  readonly id: number;
  readonly create_time: string | null;
  readonly bytes: string;
  readonly segments: string;
  readonly segment_bytes: string;
  readonly ratio: number;
}

export interface RemoveReferencesResponse {
  readonly results: readonly ReferenceResult[];
}

export interface RenderMessagesResponse {
  readonly header: Conversation | undefined;
  readonly chunk: Chunk | undefined;
}

export interface RetrieveConversationResponse {
  readonly header: Conversation | undefined;
  readonly chunk: Chunk | undefined;
}

export interface RetrieveConversationsResponse {
  readonly parts: readonly RetrievedPart[];
}

export interface RetrievedPart {
  readonly header: Conversation | undefined;
  readonly chunk: Chunk | undefined;
  readonly joined: JoinedMessages | undefined;
  readonly index: number;
  readonly status: ItemStatus | null;
}

export interface SearchConversationsResponse {
  readonly hits: readonly SearchHit[];
  readonly next_page_token: string;
  readonly conversations: string;
  readonly unsearched: string;
}

export interface SearchHit {
  readonly conversation_id: string;
  readonly revision: string;
  readonly message_index: number;
  readonly text_offset: string;
  readonly snippet: string;
  readonly role: string;
  readonly snippet_offset: number;
  readonly snippet_ends_message: boolean;
}

export interface SegmentInfo {
  readonly hash: string;
  readonly token_count: number;
}

export interface SegmentUse {
  readonly conversation_id: string;
  readonly create_time: string | null;
  readonly message_index: number;
  readonly role: string;
}

export interface SegmentUsesOfDay {
  readonly day: string;
  readonly conversations: string;
}

export interface SharedContent {
  readonly hash: string;
  readonly tokens: string;
  readonly references: string;
}

export interface SharedSegment {
  readonly hash: string;
  readonly token_count: number;
  readonly references: string;
  readonly tokens_saved: string;
  readonly role: string;
  readonly conversation_id: string;
  readonly text: string;
  readonly first_use_time: string | null;
  readonly last_use_time: string | null;
}

export interface SimilarMatch {
  readonly conversation: Conversation | null;
  readonly segment_hash: string;
  readonly token_count: string;
  readonly similarity: number;
  readonly shared_shingles: string;
  readonly shingles: string;
}

export interface Status {
  readonly code: number;
  readonly message: string;
  readonly details: readonly Any[];
}

export interface StoreConversationResponse {
  readonly conversation: Conversation | null;
  readonly total_segments: string;
  readonly new_segments: string;
  readonly deduped_segments: string;
  readonly new_tokens: string;
  readonly stored_bytes: string;
  readonly unchanged: boolean;
}

export interface TokenList {
  readonly ids: readonly number[];
}

export interface TokenizerInfo {
  readonly name: string;
  readonly kind: string;
  readonly vocabulary_size: number;
  readonly sha256: string;
  readonly changes_beside: readonly string[];
}

export interface UpdateVaultResponse {
  readonly vault: Vault | null;
}

export interface UploadConversationResponse {
  readonly conversation: Conversation | null;
  readonly total_segments: string;
  readonly new_segments: string;
  readonly deduped_segments: string;
  readonly new_tokens: string;
  readonly stored_bytes: string;
  readonly unchanged: boolean;
}

export interface UsageRow {
  readonly day: string;
  readonly hour: string;
  readonly application: string;
  readonly model: string;
  readonly tokenizer: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly conversations: string;
  readonly messages: string;
  readonly tokens: string;
  readonly system_tokens: string;
  readonly user_tokens: string;
  readonly assistant_tokens: string;
  readonly new_tokens: string;
  readonly repeated_tokens: string;
  readonly prefix_tokens: string;
  readonly stored_bytes: string;
}

export interface Vault {
  readonly name: string;
  readonly vault_id: string;
  readonly create_time: string | null;
  readonly settings: VaultSettings | null;
  readonly state: VaultState;
  readonly cause: string;
  readonly work: readonly VaultWork[];
}

export interface VaultSettings {
  readonly prefix_index: boolean | undefined;
  readonly auto_compact: boolean | undefined;
  readonly quota_bytes: string | undefined;
  readonly labels: Labels | null;
  readonly lifetime: string | null;
  readonly lifetimes: Lifetimes | null;
  readonly keep: KeptLabels | null;
  readonly conversations_max: string | undefined;
  readonly content_bytes_max: string | undefined;
  readonly keep_usage: string | null;
}

export type VaultState =
  | 'VAULT_STATE_UNSPECIFIED'
  | 'VAULT_STATE_OPEN'
  | 'VAULT_STATE_CLOSED'
  | 'VAULT_STATE_READ_ONLY'
  | 'VAULT_STATE_FAILED';

export interface VaultWork {
  readonly task: string;
  readonly start_time: string | null;
}

export interface VerifyNote {
  readonly subject: string;
  readonly detail: string;
}

export type VerifyPhase =
  | 'VERIFY_PHASE_UNSPECIFIED'
  | 'VERIFY_PHASE_CHECKING'
  | 'VERIFY_PHASE_REBUILDING'
  | 'VERIFY_PHASE_CHECKING_AGAIN';

export interface VerifyProgress {
  readonly records_done: string;
  readonly records: string;
  readonly phase: VerifyPhase;
}

export interface VerifySummary {
  readonly records: string;
  readonly violations: string;
  readonly repaired: string;
}

export interface VerifyVaultResponse {
  readonly progress: VerifyProgress | undefined;
  readonly violation: Violation | undefined;
  readonly summary: VerifySummary | undefined;
  readonly repaired: Violation | undefined;
  readonly note: VerifyNote | undefined;
}

export interface Violation {
  readonly invariant: string;
  readonly subject: string;
  readonly detail: string;
}

export interface WarmPrefix {
  readonly application: string;
  readonly token_count: string;
  readonly conversations: string;
  readonly conversation_id: string;
  readonly last_use_time: string | null;
}
