/**
 * Every limit of the server, with its unit last in its name. A refusal prints the size and the limit.
 * GetCapabilities reports them all.
 */
export const limits = {
  /** A conversation's id, in UTF-8. */
  conversationIdBytesMax: 512,
  /** A role, a name, an application, a model or a tokenizer, in UTF-8. */
  labelBytesMax: 256,
  toolCallIdBytesMax: 512,
  /** A client's own id of a request, in UTF-8, and for how long a retry under it gets the first answer. */
  requestIdBytesMax: 128,
  requestIdMemoryMs: 24 * 60 * 60 * 1000,
  /** The name under which a client holds a segment, in UTF-8. */
  holderBytesMax: 512,
  metadataEntriesMax: 64,
  metadataKeyBytesMax: 128,
  metadataValueBytesMax: 8192,
  filterMetadataEntriesMax: 16,
  /** A whole request as it arrives; what is longer goes through an upload in parts. */
  requestBytesMax: 64 * 1024 * 1024,
  /** What of a request is decoded into objects: all of it but messages. */
  requestFieldsBytesMax: 1024 * 1024,
  /** What the transport takes in before it cuts a request off; above requestBytesMax, so that most refusals are ours. */
  transportRequestBytesMax: 96 * 1024 * 1024,
  messagesPerRequestMax: 100_000,
  /** Segments, or references, that one request names. */
  segmentsPerRequestMax: 10_000,
  /** A longer message is stored as several segments. */
  segmentTokensMax: 1024 * 1024,
  /**
   * Messages up to this are one segment; longer ones are cut by content, at these sizes. The codec finds
   * what is repeated within and across segments: cuts only pay where whole pages are pasted.
   */
  segmentWholeTokensMax: 8192,
  segmentCutTokensMin: 1024,
  segmentCutTokensTarget: 4096,
  segmentCutTokensMax: 16 * 1024,
  /** The codec codes a longer segment block by block: its memory is bounded by this. */
  codecBlockTokensMax: 64 * 1024,
  /** Segments, and bytes of frames, that one batch of a compaction rewrites. */
  compactionBatchSegmentsMax: 512,
  compactionBatchBytesMax: 64 * 1024,
  /** Tokens of stored segments that one registry is trained on. */
  trainingTokensMax: 10_000_000,
  /** Phrases of one registry. */
  registryPhrasesMax: 48_000,
  pageSizeDefault: 50,
  pageSizeMax: 1000,
  /** A page's bytes; a gRPC client takes 4 MiB unless it is told otherwise. */
  pageBytesMax: 3 * 1024 * 1024,
  /** Conversations that one page looks at before it returns what it has. */
  pageScanMax: 20_000,
  /** Tokens that a call works on before it lets others have a turn. */
  turnTokensMax: 256 * 1024,
  /** Messages that reading a request takes apart before it does the same. */
  turnMessagesMax: 4096,
  /** Tokens (or one segment), and segments, that a retrieve reads ahead of what it has sent. */
  readBatchTokensMax: 128 * 1024,
  /** Tokens of a batch that are decoded together, about. */
  decodeAheadTokensMax: 8192,
  readBatchSlotsMax: 1024,
  /** Content bytes that a retrieve gathers into one chunk of a long message, at least and at most. */
  chunkBytesMin: 256 * 1024,
  chunkBytesMax: 1024 * 1024,
  /** Bytes, and messages, of a stream that wait for a slow client before the work on it pauses. */
  sendQueueBytesMax: 2 * 1024 * 1024,
  sendQueueMessagesMax: 1024,
  /** Calls at once on one connection; the others wait at the client. */
  streamsPerConnectionMax: 1000,
  /** Changes, and bytes of frames, that one group commit takes. */
  groupCommitChangesMax: 512,
  groupCommitBytesMax: 32 * 1024 * 1024,
  /** Bytes, and files, that the filesystem backend's journal holds before commits wait for the disk; it may hold twice. */
  journalBytesMax: 32 * 1024 * 1024,
  journalFilesMax: 8192,
  /** Bytes of one chunk of a backup. */
  backupChunkBytes: 256 * 1024,
  /** Segments that one batch of a garbage collection deletes. */
  garbageBatchSegmentsMax: 2048,
} as const;

export type LimitName = keyof typeof limits;
