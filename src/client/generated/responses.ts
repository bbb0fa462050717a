// Generated from proto/ by generate.mjs, with every build. Edits are lost.
export interface AddReferencesResponse {
  readonly results: readonly ReferenceResult[];
}

export interface Any {
  readonly type_url: string;
  readonly value: Buffer;
}

export interface AppendMessagesResponse {
  readonly conversation: Conversation | null;
  readonly totalSegments: string;
  readonly newSegments: string;
  readonly dedupedSegments: string;
  readonly newTokens: string;
  readonly storedBytes: string;
}

export interface AttachmentInfo {
  readonly sha256: string;
  readonly sizeBytes: string;
}

export interface AuditEvent {
  readonly number: string;
  readonly time: Timestamp | null;
  readonly identity: string;
  readonly peer: string;
  readonly method: string;
  readonly vault: string;
  readonly ids: readonly string[];
  readonly idCount: string;
  readonly result: string;
  readonly repeated: string;
}

export interface BackupVaultResponse {
  readonly data: Buffer;
}

export type Chunk = {
  readonly messageIndex: number;
  readonly tokenOffset: string;
  readonly endOfMessage: boolean;
  readonly message: MessageInfo | null;
  readonly replaced: boolean;
  readonly textTokensLe32: Buffer;
  readonly textTokenEnds: readonly number[];
} & (
  | { readonly content: 'tokens'; readonly tokens: TokenList }
  | { readonly content: 'tokensLe32'; readonly tokensLe32: Buffer }
  | { readonly content: 'text'; readonly text: string }
  | { readonly content?: undefined }
);

export type CollectGarbageResponse =
  | { readonly part: 'plan'; readonly plan: GarbagePlan }
  | { readonly part: 'progress'; readonly progress: GarbageProgress }
  | { readonly part: 'summary'; readonly summary: GarbageSummary }
  | { readonly part: 'preparation'; readonly preparation: Preparation }
  | { readonly part?: undefined };

export type CompactSubstringsResponse =
  | { readonly part: 'plan'; readonly plan: CompactionPlan }
  | { readonly part: 'progress'; readonly progress: CompactionProgress }
  | { readonly part: 'summary'; readonly summary: CompactionSummary }
  | { readonly part: 'preparation'; readonly preparation: Preparation }
  | { readonly part?: undefined };

export type CompactionEnd =
  | 'COMPACTION_END_UNSPECIFIED'
  | 'COMPACTION_END_COMPLETE'
  | 'COMPACTION_END_DRY_RUN'
  | 'COMPACTION_END_NOT_WORTH_IT'
  | 'COMPACTION_END_BUDGET_REACHED';

export interface CompactionPlan {
  readonly segments: string;
  readonly segmentBytes: string;
  readonly sampleSegments: string;
  readonly sampleTokens: string;
  readonly registryId: number;
  readonly registryBytes: string;
  readonly newRegistry: boolean;
  readonly predictedSegmentBytes: string;
  readonly predictedSavingsRatio: number;
  readonly reclaimablePageBytes: string;
}

export interface CompactionProgress {
  readonly segmentsDone: string;
  readonly segments: string;
  readonly bytesBefore: string;
  readonly bytesAfter: string;
  readonly segmentsPerSecond: string;
  readonly resumeToken: string;
}

export interface CompactionSummary {
  readonly end: CompactionEnd | number;
  readonly segmentsDone: string;
  readonly segmentsRewritten: string;
  readonly bytesBefore: string;
  readonly bytesAfter: string;
  readonly registryId: number;
  readonly registriesDropped: readonly number[];
  readonly inUseBytesBefore: string;
  readonly inUseBytesAfter: string;
  readonly resumeToken: string;
}

export interface Conversation {
  readonly id: string;
  readonly application: string;
  readonly model: string;
  readonly tokenizer: string;
  readonly revision: string;
  readonly totalTokens: string;
  readonly messageCount: number;
  readonly createTime: Timestamp | null;
  readonly updateTime: Timestamp | null;
  readonly expireTime: Timestamp | null;
  readonly parentId: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly messages: readonly MessageInfo[];
  readonly storeTime: Timestamp | null;
}

export interface CountSegmentUsesResponse {
  readonly lookedAt: string;
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
  readonly releasedReferences: string;
  readonly garbageSegments: string;
  readonly missing: boolean;
}

export interface DeleteConversationsResponse {
  readonly conversations: string;
  readonly missing: string;
  readonly changed: string;
  readonly releasedReferences: string;
  readonly garbageSegments: string;
  readonly damaged: readonly DamagedConversation[];
}

export type DeleteSegmentResponse = Record<string, never>;

export type DeleteVaultResponse = Record<string, never>;

export interface DiskSpace {
  readonly allocatedBytes: string;
  readonly inUseBytes: string;
  readonly givenBackBytes: string;
  readonly isGivingBack: boolean;
  readonly unsupported: string;
}

export interface Duplicate {
  readonly conversationId: string;
  readonly similarity: number;
  readonly tokenCount: string;
}

export interface Duration {
  readonly seconds: string;
  readonly nanos: number;
}

export type EraseConversationsResponse =
  | { readonly part: 'progress'; readonly progress: EraseProgress }
  | { readonly part: 'receipt'; readonly receipt: EraseReceipt }
  | { readonly part?: undefined };

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
  readonly phase: ErasePhase | number;
  readonly conversations: string;
}

export interface EraseReceipt {
  readonly time: Timestamp | null;
  readonly dryRun: boolean;
  readonly conversations: string;
  readonly messages: string;
  readonly tokens: string;
  readonly missing: string;
  readonly segments: string;
  readonly segmentTokens: string;
  readonly sharedSegments: string;
  readonly sharedTokens: string;
  readonly shared: readonly SharedContent[];
  readonly children: string;
  readonly forgottenRequests: string;
  readonly forgottenUsageGroups: string;
  readonly registriesCompared: string;
  readonly registriesReplaced: readonly number[];
  readonly pagesInUse: string;
  readonly pagesFree: string;
  readonly overwrittenBytes: string;
  readonly violations: string;
  readonly gaps: readonly (EraseGap | number)[];
}

export interface ErrorInfo {
  readonly reason: string;
  readonly domain: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface FindDuplicatesResponse {
  readonly conversationId: string;
  readonly tokenCount: string;
  readonly duplicates: readonly Duplicate[];
  readonly conversations: string;
  readonly uncompared: string;
  readonly notKept: string;
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
  readonly totalSegments: string;
  readonly newSegments: string;
  readonly dedupedSegments: string;
  readonly newTokens: string;
  readonly storedBytes: string;
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
  readonly tokenCount: number;
  readonly bytes: string;
}

export interface GarbageSummary {
  readonly segments: string;
  readonly bytes: string;
  readonly keptSegments: string;
}

export type GetAttachmentResponse =
  | { readonly part: 'info'; readonly info: AttachmentInfo }
  | { readonly part: 'content'; readonly content: Buffer }
  | { readonly part?: undefined };

export interface GetCapabilitiesResponse {
  readonly version: string;
  readonly storage: string;
  readonly tokenizers: readonly string[];
  readonly limits: Readonly<Record<string, string>>;
  readonly readOnly: boolean;
  readonly tokenizerInfos: readonly TokenizerInfo[];
}

export interface GetConversationResponse {
  readonly conversation: Conversation | null;
  readonly nextMessageOffset: number;
}

export interface GetRetentionResponse {
  readonly expiredConversations: string;
  readonly isLowerBound: boolean;
  readonly isAboveLimit: boolean;
  readonly sweepInterval: Duration | null;
  readonly isSweeping: boolean;
  readonly lastSweepTime: Timestamp | null;
  readonly sweptConversations: string;
  readonly space: DiskSpace | null;
}

export type GetSegmentsResponse = {
  readonly index: number;
  readonly status: ItemStatus | null;
  readonly tokenCount: number;
  readonly tokenOffset: number;
  readonly endOfSegment: boolean;
} & (
  | { readonly content: 'tokens'; readonly tokens: TokenList }
  | { readonly content: 'tokensLe32'; readonly tokensLe32: Buffer }
  | { readonly content?: undefined }
);

export interface GetStatsResponse {
  readonly conversations: string;
  readonly messages: string;
  readonly segments: string;
  readonly tokens: string;
  readonly uniqueTokens: string;
  readonly rawBytes: string;
  readonly uniqueRawBytes: string;
  readonly segmentBytes: string;
  readonly registryBytes: string;
  readonly garbageSegments: string;
  readonly garbageBytes: string;
  readonly inUseBytes: string;
  readonly fileBytes: string;
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
  readonly tokenCount: number;
  readonly refCount: string;
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
  readonly tokensLe32: Buffer;
  readonly tokenCounts: readonly string[];
  readonly messageRoles: readonly number[];
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
  readonly lifetime: Duration | null;
}

export interface Lifetimes {
  readonly lifetimes: readonly Lifetime[];
}

export interface ListAuditEventsResponse {
  readonly events: readonly AuditEvent[];
  readonly nextPageToken: string;
}

export interface ListConversationsResponse {
  readonly conversations: readonly Conversation[];
  readonly nextPageToken: string;
  readonly damaged: readonly DamagedConversation[];
  readonly totalCount: string;
  readonly totalIsLowerBound: boolean;
}

export interface ListGarbageResponse {
  readonly segments: readonly GarbageSegment[];
  readonly nextPageToken: string;
  readonly damaged: readonly DamagedSegment[];
}

export interface ListRegistriesResponse {
  readonly registries: readonly RegistryInfo[];
}

export interface ListSegmentUsesResponse {
  readonly uses: readonly SegmentUse[];
  readonly nextPageToken: string;
  readonly lookedAt: string;
  readonly damaged: string;
}

export interface ListSharedSegmentsResponse {
  readonly segments: readonly SharedSegment[];
}

export interface ListVaultsResponse {
  readonly vaults: readonly Vault[];
  readonly nextPageToken: string;
}

export type ListWarmPrefixesResponse =
  | { readonly part: 'prefix'; readonly prefix: WarmPrefix }
  | { readonly part: 'tokensLe32'; readonly tokensLe32: Buffer }
  | { readonly part?: undefined };

export interface MessageInfo {
  readonly role: string;
  readonly name: string;
  readonly toolCallId: string;
  readonly tokenCount: string;
  readonly segments: readonly SegmentInfo[];
  readonly fieldsJson: string;
  readonly attachments: readonly AttachmentInfo[];
}

export interface PrefixMatch {
  readonly conversation: Conversation | null;
  readonly sharedTokens: string;
}

export interface Preparation {
  readonly phase: PreparationPhase | number;
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
  readonly tokenCount: number;
}

export interface PutSegmentsResponse {
  readonly results: readonly PutSegmentResult[];
}

export interface ReferenceResult {
  readonly status: ItemStatus | null;
  readonly refCount: string;
}

export interface RegistryInfo {
  readonly id: number;
  readonly createTime: Timestamp | null;
  readonly bytes: string;
  readonly segments: string;
  readonly segmentBytes: string;
  readonly ratio: number;
}

export interface RemoveReferencesResponse {
  readonly results: readonly ReferenceResult[];
}

export type RenderMessagesResponse =
  | { readonly part: 'header'; readonly header: Conversation }
  | { readonly part: 'chunk'; readonly chunk: Chunk }
  | { readonly part?: undefined };

export type RetrieveConversationResponse =
  | { readonly part: 'header'; readonly header: Conversation }
  | { readonly part: 'chunk'; readonly chunk: Chunk }
  | { readonly part?: undefined };

export interface RetrieveConversationsResponse {
  readonly parts: readonly RetrievedPart[];
}

export type RetrievedPart = {
  readonly index: number;
  readonly status: ItemStatus | null;
} & (
  | { readonly part: 'header'; readonly header: Conversation }
  | { readonly part: 'chunk'; readonly chunk: Chunk }
  | { readonly part: 'joined'; readonly joined: JoinedMessages }
  | { readonly part?: undefined }
);

export interface SearchConversationsResponse {
  readonly hits: readonly SearchHit[];
  readonly nextPageToken: string;
  readonly conversations: string;
  readonly unsearched: string;
}

export interface SearchHit {
  readonly conversationId: string;
  readonly revision: string;
  readonly messageIndex: number;
  readonly textOffset: string;
  readonly snippet: string;
  readonly role: string;
  readonly snippetOffset: number;
  readonly snippetEndsMessage: boolean;
}

export interface SegmentInfo {
  readonly hash: string;
  readonly tokenCount: number;
}

export interface SegmentUse {
  readonly conversationId: string;
  readonly createTime: Timestamp | null;
  readonly messageIndex: number;
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
  readonly tokenCount: number;
  readonly references: string;
  readonly tokensSaved: string;
  readonly role: string;
  readonly conversationId: string;
  readonly text: string;
  readonly firstUseTime: Timestamp | null;
  readonly lastUseTime: Timestamp | null;
}

export interface SimilarMatch {
  readonly conversation: Conversation | null;
  readonly segmentHash: string;
  readonly tokenCount: string;
  readonly similarity: number;
  readonly sharedShingles: string;
  readonly shingles: string;
}

export interface Status {
  readonly code: number;
  readonly message: string;
  readonly details: readonly Any[];
}

export interface StoreConversationResponse {
  readonly conversation: Conversation | null;
  readonly totalSegments: string;
  readonly newSegments: string;
  readonly dedupedSegments: string;
  readonly newTokens: string;
  readonly storedBytes: string;
  readonly unchanged: boolean;
}

export interface Timestamp {
  readonly seconds: string;
  readonly nanos: number;
}

export interface TokenList {
  readonly ids: readonly number[];
}

export interface TokenizerInfo {
  readonly name: string;
  readonly kind: string;
  readonly vocabularySize: number;
  readonly sha256: string;
  readonly changesBeside: readonly string[];
}

export interface UpdateVaultResponse {
  readonly vault: Vault | null;
}

export interface UploadConversationResponse {
  readonly conversation: Conversation | null;
  readonly totalSegments: string;
  readonly newSegments: string;
  readonly dedupedSegments: string;
  readonly newTokens: string;
  readonly storedBytes: string;
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
  readonly systemTokens: string;
  readonly userTokens: string;
  readonly assistantTokens: string;
  readonly newTokens: string;
  readonly repeatedTokens: string;
  readonly prefixTokens: string;
  readonly storedBytes: string;
}

export interface Vault {
  readonly name: string;
  readonly vaultId: string;
  readonly createTime: Timestamp | null;
  readonly settings: VaultSettings | null;
  readonly state: VaultState | number;
  readonly cause: string;
  readonly work: readonly VaultWork[];
}

export interface VaultSettings {
  readonly prefixIndex: boolean | undefined;
  readonly autoCompact: boolean | undefined;
  readonly quotaBytes: string | undefined;
  readonly labels: Labels | null;
  readonly lifetime: Duration | null;
  readonly lifetimes: Lifetimes | null;
  readonly keep: KeptLabels | null;
  readonly conversationsMax: string | undefined;
  readonly contentBytesMax: string | undefined;
  readonly keepUsage: Duration | null;
}

export type VaultState =
  | 'VAULT_STATE_UNSPECIFIED'
  | 'VAULT_STATE_OPEN'
  | 'VAULT_STATE_CLOSED'
  | 'VAULT_STATE_READ_ONLY'
  | 'VAULT_STATE_FAILED';

export interface VaultWork {
  readonly task: string;
  readonly startTime: Timestamp | null;
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
  readonly recordsDone: string;
  readonly records: string;
  readonly phase: VerifyPhase | number;
}

export interface VerifySummary {
  readonly records: string;
  readonly violations: string;
  readonly repaired: string;
}

export type VerifyVaultResponse =
  | { readonly part: 'progress'; readonly progress: VerifyProgress }
  | { readonly part: 'violation'; readonly violation: Violation }
  | { readonly part: 'summary'; readonly summary: VerifySummary }
  | { readonly part: 'repaired'; readonly repaired: Violation }
  | { readonly part: 'note'; readonly note: VerifyNote }
  | { readonly part?: undefined };

export interface Violation {
  readonly invariant: string;
  readonly subject: string;
  readonly detail: string;
}

export interface WarmPrefix {
  readonly application: string;
  readonly tokenCount: string;
  readonly conversations: string;
  readonly conversationId: string;
  readonly lastUseTime: Timestamp | null;
}
