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
  metadataEntriesMax: 64,
  metadataKeyBytesMax: 128,
  metadataValueBytesMax: 8192,
  filterMetadataEntriesMax: 16,
  /** A whole request as it arrives; what is longer goes through an upload in parts. */
  requestBytesMax: 64 * 1024 * 1024,
  messagesPerRequestMax: 1_000_000,
  /** A longer message is stored as several segments. */
  segmentTokensMax: 1024 * 1024,
  /** Messages up to this are one segment; longer ones are cut by content, at these sizes. */
  segmentWholeTokensMax: 1024,
  segmentCutTokensMin: 128,
  segmentCutTokensTarget: 512,
  segmentCutTokensMax: 4096,
  /** The codec codes a longer segment block by block: its memory is bounded by this. */
  codecBlockTokensMax: 64 * 1024,
  /** Tokens of stored segments that one registry is trained on. */
  trainingTokensMax: 10_000_000,
  /** Phrases of one registry. */
  registryPhrasesMax: 48_000,
  pageSizeDefault: 50,
  pageSizeMax: 1000,
  /** Conversations that one page looks at before it returns what it has. */
  pageScanMax: 20_000,
  /** Content bytes that a retrieve gathers into one chunk of a long message, at least and at most. */
  chunkBytesMin: 256 * 1024,
  chunkBytesMax: 1024 * 1024,
  /** Changes, and bytes of frames, that one group commit takes. */
  groupCommitChangesMax: 512,
  groupCommitBytesMax: 32 * 1024 * 1024,
  /** Segments that one batch of a garbage collection deletes. */
  garbageBatchSegmentsMax: 2048,
} as const;

export type LimitName = keyof typeof limits;
