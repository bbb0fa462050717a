/** A metric: its type, its labels, how processes are added up, and its meaning. */
export interface Definition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  /** One value of those of several processes; their sum if absent. */
  readonly across?: 'max';
  /** True if a gauge stays true when its process has ended, as counts do. */
  readonly lasting?: true;
  /** Meaning, in a line of Markdown. */
  readonly help: string;
}

const vault = ['vault'] as const;
const task = ['vault', 'task'] as const;

/** Labels of the RPC conventions of OpenTelemetry. */
const callLabels = ['rpc_system_name', 'rpc_method', 'rpc_response_status_code'] as const;

/**
 * Every metric of the server. docs/operations.md shows this table. No label has an id, a model, an
 * application or anything else that a caller can choose at will.
 */
export const definitions = {
  rpc_server_call_duration_seconds: {
    type: 'histogram',
    labels: callLabels,
    help: 'Time from the headers of a call to its status; its count is the number of calls',
  },
  stowken_rpc_received_bytes_total: {
    type: 'counter',
    labels: ['rpc_method'],
    help: 'Bytes of request messages as they came, perhaps compressed',
  },
  stowken_rpc_sent_bytes_total: {
    type: 'counter',
    labels: ['rpc_method'],
    help: 'Bytes of response messages',
  },
  stowken_rpc_calls_in_progress: {
    type: 'gauge',
    labels: [],
    help: 'Calls that have not ended, watches of the health among them',
  },
  stowken_rpc_connections: { type: 'gauge', labels: [], help: 'Open connections of clients' },
  stowken_intake_bytes: {
    type: 'gauge',
    labels: [],
    help: 'Memory charged for requests that arrive or are processed',
  },
  stowken_intake_limit_bytes: { type: 'gauge', labels: [], help: 'Limit of that memory (`--intake-bytes`)' },
  stowken_intake_waiting_requests: {
    type: 'gauge',
    labels: [],
    help: 'Requests that wait for that memory',
  },
  stowken_commit_duration_seconds: {
    type: 'histogram',
    labels: vault,
    help: 'Time of commits until they are durable, the sync included; its count is the number of commits',
  },
  stowken_commit_changes: { type: 'histogram', labels: vault, help: 'Changes that shared a commit' },
  stowken_commit_failures_total: { type: 'counter', labels: vault, help: 'Commits that failed' },
  stowken_commit_waiting_changes: {
    type: 'gauge',
    labels: vault,
    help: 'Changes that wait for their commit',
  },
  stowken_readers: {
    type: 'gauge',
    labels: vault,
    help: 'Open readers: retrievals and uploads, from which garbage is kept',
  },
  stowken_oldest_reader_age_seconds: {
    type: 'gauge',
    labels: vault,
    across: 'max',
    help: 'Age of the oldest open reader; 0 without any',
  },
  stowken_task_running: {
    type: 'gauge',
    labels: task,
    help: 'Compactions, collections of garbage (gc), backups, verifications, background checks (check) and sweeps of what has expired (sweep) that run; `task` says which',
  },
  stowken_task_failures_total: {
    type: 'counter',
    labels: task,
    help: 'Such tasks that failed; those that were cancelled are not counted',
  },
  stowken_task_last_success_timestamp_seconds: {
    type: 'gauge',
    labels: task,
    across: 'max',
    lasting: true,
    help: 'Time of the last such task that succeeded, since 1970; absent without one since the start',
  },
  stowken_check_parts_total: {
    type: 'counter',
    labels: vault,
    help: 'Parts that the background check has gone through',
  },
  stowken_check_records_total: { type: 'counter', labels: vault, help: 'Records that it has checked' },
  stowken_check_bytes_total: { type: 'counter', labels: vault, help: 'Their bytes' },
  stowken_check_damaged_records_total: {
    type: 'counter',
    labels: vault,
    help: 'Damaged records that it has found',
  },
  stowken_check_interval_seconds: {
    type: 'gauge',
    labels: [],
    help: 'Time between two parts of a vault (`--check-interval`); 0: there is no background check',
  },
  stowken_sweep_interval_seconds: {
    type: 'gauge',
    labels: [],
    help: 'Time between two sweeps of what has expired in a vault (`--sweep-interval`); 0: there is none',
  },
  stowken_swept_conversations_total: {
    type: 'counter',
    labels: vault,
    help: 'Conversations that sweeps have deleted',
  },
  stowken_vault_expired_conversations: {
    type: 'gauge',
    labels: vault,
    help: 'Conversations that had expired and were still stored when the last sweep ended',
  },
  stowken_vault_last_sweep_timestamp_seconds: {
    type: 'gauge',
    labels: vault,
    help: 'Time at which the last sweep came to its end, since 1970; the earliest of several vaults',
  },
  stowken_vault_allocated_bytes: {
    type: 'gauge',
    labels: vault,
    help: 'Bytes that the file system has given to the data file; absent where free pages are not given back (`--give-back-interval`)',
  },
  stowken_given_back_bytes_total: {
    type: 'counter',
    labels: vault,
    help: 'Bytes of free pages that were given back to the file system',
  },
  stowken_vault_damaged_records: {
    type: 'gauge',
    labels: vault,
    help: 'Damaged records that are known to the background check now, 100 of a vault at most',
  },
  stowken_vault_last_check_timestamp_seconds: {
    type: 'gauge',
    labels: vault,
    help: 'Time of the last part of the background check that succeeded, since 1970; the earliest of several vaults',
  },
  stowken_vault_last_full_check_timestamp_seconds: {
    type: 'gauge',
    labels: vault,
    help: 'Time at which it last came to the end of the vault; the earliest of several vaults, absent before the first',
  },
  stowken_audit_waiting_events: {
    type: 'gauge',
    labels: [],
    help: 'Events of the audit log that the disk has not taken; absent without an audit log',
  },
  stowken_audit_lost_events_total: {
    type: 'counter',
    labels: [],
    help: 'Events of the audit log that were lost, because too many waited',
  },
  stowken_audit_write_failures_total: {
    type: 'counter',
    labels: [],
    help: 'Failed writes of the audit log; its events wait, and are tried again with the next one',
  },
  stowken_open_vaults: { type: 'gauge', labels: [], help: 'Vaults that are open' },
  stowken_open_vaults_limit: {
    type: 'gauge',
    labels: [],
    help: 'Limit of them (`--open-vaults`); absent with storage memory',
  },
  stowken_vaults_refusing_writes: {
    type: 'gauge',
    labels: vault,
    help: 'Vaults that did not open, or take no writes',
  },
  stowken_vault_conversations: { type: 'gauge', labels: vault, help: 'Stored conversations' },
  stowken_vault_messages: { type: 'gauge', labels: vault, help: 'Stored messages' },
  stowken_vault_segments: { type: 'gauge', labels: vault, help: 'Distinct token sequences' },
  stowken_vault_tokens: { type: 'gauge', labels: vault, help: 'Tokens of all messages' },
  stowken_vault_unique_tokens: { type: 'gauge', labels: vault, help: 'Tokens of distinct sequences' },
  stowken_vault_raw_bytes: {
    type: 'gauge',
    labels: vault,
    help: 'Stored: all tokens, at four bytes each',
  },
  stowken_vault_unique_raw_bytes: {
    type: 'gauge',
    labels: vault,
    help: 'Left by deduplication: tokens of distinct sequences, at four bytes each',
  },
  stowken_vault_segment_bytes: {
    type: 'gauge',
    labels: vault,
    help: 'Left by compression: the frames of distinct sequences',
  },
  stowken_vault_registry_bytes: { type: 'gauge', labels: vault, help: 'Bytes of registries' },
  stowken_vault_registries: { type: 'gauge', labels: vault, help: 'Registries that frames may name' },
  stowken_vault_newest_registry: {
    type: 'gauge',
    labels: vault,
    across: 'max',
    help: 'Number of the newest registry; 0 before the first compaction',
  },
  stowken_vault_garbage_segments: { type: 'gauge', labels: vault, help: 'Sequences without a reference' },
  stowken_vault_garbage_bytes: { type: 'gauge', labels: vault, help: 'Bytes of their frames' },
  stowken_vault_in_use_bytes: { type: 'gauge', labels: vault, help: 'Bytes of the pages in use' },
  stowken_vault_file_bytes: { type: 'gauge', labels: vault, help: 'Bytes of the files' },
  stowken_vault_free_bytes: {
    type: 'gauge',
    labels: vault,
    help: 'Bytes in the files that later stores use again',
  },
  stowken_vault_quota_bytes: { type: 'gauge', labels: vault, help: 'Quota; absent without one' },
  stowken_disk_free_bytes: {
    type: 'gauge',
    labels: [],
    help: 'Bytes that the file system of the data folder has left; absent with storage memory',
  },
  stowken_disk_floor_bytes: {
    type: 'gauge',
    labels: [],
    help: 'Free bytes below which nothing new is stored (`--min-free-disk`); absent with storage memory',
  },
  stowken_disk_refuses_stores: {
    type: 'gauge',
    labels: [],
    help: '1 while nothing new is stored because the disk is nearly full; absent with storage memory',
  },
  stowken_tls_certificate_expiry_timestamp_seconds: {
    type: 'gauge',
    labels: [],
    help: "End of the server's certificate, since 1970; absent without TLS",
  },
  stowken_workers: { type: 'gauge', labels: [], help: 'Workers that serve; absent without `--workers`' },
  stowken_workers_wanted: { type: 'gauge', labels: [], help: 'Workers that there are to be (`--workers`)' },
  stowken_worker_ends_total: { type: 'counter', labels: [], help: 'Workers that have ended' },
  stowken_ready: {
    type: 'gauge',
    labels: [],
    help: '1 while `/readyz` answers 200',
  },
  stowken_build_info: {
    type: 'gauge',
    labels: ['version', 'node', 'storage'],
    help: 'Always 1; the labels say what runs',
  },
  stowken_event_loop_delay_seconds: {
    type: 'histogram',
    labels: ['role'],
    help: 'Lateness of a timer that is due ten times a second; `role` is main or worker',
  },
  process_resident_memory_bytes: {
    type: 'gauge',
    labels: ['role'],
    help: 'Memory of the processes that is resident; pages that they share are counted for each',
  },
  nodejs_heap_size_used_bytes: { type: 'gauge', labels: ['role'], help: 'JavaScript objects' },
  nodejs_external_memory_bytes: { type: 'gauge', labels: ['role'], help: 'Buffers and WebAssembly' },
  process_cpu_seconds_total: {
    type: 'counter',
    labels: ['role'],
    help: 'Processor time of the processes, of user and system',
  },
  process_start_time_seconds: {
    type: 'gauge',
    labels: [],
    help: 'Start of the server, since 1970',
  },
} as const satisfies Readonly<Record<string, Definition>>;

export type MetricName = keyof typeof definitions;

/** Names of the metrics of one type. */
export type NameOf<Type extends Definition['type']> = {
  [Name in MetricName]: (typeof definitions)[Name]['type'] extends Type ? Name : never;
}[MetricName];

/** Values for all labels of a metric. */
export type LabelsOf<Name extends MetricName> = Readonly<
  Record<(typeof definitions)[Name]['labels'][number], string>
>;
