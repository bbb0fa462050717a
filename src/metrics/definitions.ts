/** A metric: its type, its labels, how processes are added up, and its meaning. */
export interface Definition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  /** One value of those of several processes; their sum if absent. */
  readonly across?: 'max';
  /** Meaning, in a line of Markdown. */
  readonly help: string;
}

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
