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
  /** How far the clock may be behind the newest conversation's time before it is told. */
  clockBehindMsMax: 60_000,
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
  /**
   * Memory that a request is charged while it comes in and is worked on: so many times its bytes, and so many bytes.
   * Stores of random tokens took 4.5 times their bytes, garbage included.
   */
  requestChargeTimes: 4,
  requestChargeBytes: 1024,
  /** Percent of all the memory for requests that those of one connection may take. */
  connectionSharePercentMax: 75,
  /** How long a request waits for memory before it is refused. */
  intakeWaitMs: 10_000,
  /** Requests from this size on are worked on a few at a time: so many in a process. How long the others wait. */
  largeRequestBytesMin: 4 * 1024 * 1024,
  largeRequestsMax: 2,
  largeRequestWaitMs: 30_000,
  /** What a compressed request is first taken to expand to; what is more is paid for before it is kept. */
  expansionGuessTimes: 4,
  expansionGuessBytesMax: 1024 * 1024,
  /** How long nothing may come of a request, and how long a connection may be without a call, unless serve is told otherwise. */
  requestIdleDefaultMs: 60_000,
  connectionIdleDefaultMs: 600_000,
  /** The least rate at which a request must come in, on average, beside the time that it may be idle. */
  requestBytesPerSecondMin: 64 * 1024,
  messagesPerRequestMax: 100_000,
  /** Conversations that one request names. */
  conversationsPerRequestMax: 10_000,
  /** Uploads under way at once; each holds about two parts, one batch, and the list of its messages. */
  uploadsMax: 256,
  /** One part of an upload as it arrives. */
  uploadPartBytesMax: 2 * 1024 * 1024,
  /** The text of one message of an upload, in UTF-8: text is encoded as a whole. */
  uploadTextBytesMax: 16 * 1024 * 1024,
  /** Letters (UTF-16 units) of text without any break between words, digits and punctuation. Merging them takes memory. */
  textRunLettersMax: 256 * 1024,
  /** Long texts, and their bytes, that the threads which encode and decode text work on at once; others wait. */
  longTextsPerThreadMax: 16,
  longTextsBytesMax: 128 * 1024 * 1024,
  /** Messages of one upload, and bytes of the list of them that is kept until it ends. */
  uploadMessagesMax: 1_000_000,
  uploadListBytesMax: 64 * 1024 * 1024,
  /** Tokens, and segments, that an upload gathers before it stores them. */
  uploadBatchTokensMax: 256 * 1024,
  uploadBatchSegmentsMax: 1024,
  /** Uploads of more messages than this are made visible one after the other: their lists are expanded for that. */
  uploadTogetherMessagesMax: 16 * 1024,
  /** Segments, or references, that one request names. */
  segmentsPerRequestMax: 10_000,
  /** A longer message is stored as several segments. */
  segmentTokensMax: 1024 * 1024,
  /**
   * Messages up to this are one segment; longer ones are cut by content, at these sizes. A registry finds
   * what segments share once it is trained; cuts find whole pages that are pasted before that.
   */
  segmentWholeTokensMax: 8192,
  segmentCutTokensMin: 512,
  segmentCutTokensTarget: 2048,
  segmentCutTokensMax: 8 * 1024,
  /** The codec codes a longer segment block by block: its memory is bounded by this. */
  codecBlockTokensMax: 64 * 1024,
  /**
   * Segments, and bytes of frames, that one batch of a compaction rewrites; it has fewer segments, but not below the
   * least, when they take longer than this to encode.
   */
  compactionBatchSegmentsMax: 128,
  compactionBatchSegmentsMin: 64,
  compactionBatchBytesMax: 64 * 1024,
  compactionBatchMs: 50,
  /** Automatic compaction: how long between two looks, and unique tokens below which it never begins. */
  autoCompactionPauseMs: 30_000,
  autoCompactionTokensMin: 1_000_000,
  /** Tokens of stored segments that one registry is trained on. */
  trainingTokensMax: 10_000_000,
  /** Phrases of one registry. */
  registryPhrasesMax: 48_000,
  /** Tokens of the passages that one registry holds as they are. */
  registryTextTokensMax: 1024 * 1024,
  pageSizeDefault: 50,
  pageSizeMax: 1000,
  /** A page's bytes; a gRPC client takes 4 MiB unless it is told otherwise. */
  pageBytesMax: 3 * 1024 * 1024,
  /** Conversations that one page looks at before it returns what it has. */
  pageScanMax: 20_000,
  /** Tokens of one block of the prefix index: shorter prefixes are not found. Fixed by the storage format. */
  prefixBlockTokens: 256,
  /** Conversations that one search for a prefix compares and gives, at most, and gives by default. */
  prefixMatchesMax: 100,
  prefixMatchesDefault: 10,
  /** Tokens that a call works on before it lets others have a turn. */
  turnTokensMax: 256 * 1024,
  /** Messages that reading a request takes apart before it does the same. */
  turnMessagesMax: 4096,
  /** Tokens (or one segment), and segments, that a retrieve reads ahead of what it has sent. */
  readBatchTokensMax: 128 * 1024,
  /** Tokens of a batch that are decoded together, about. */
  decodeAheadTokensMax: 8192,
  /** Of segments that were read lately, tokens that stay decoded in memory, in either form. */
  recentSegmentsBytesMax: 16 * 1024 * 1024,
  /** Of runs that came lately, tokens that stay in memory beside their names. */
  recentNamesBytesMax: 8 * 1024 * 1024,
  readBatchSlotsMax: 256,
  /** Content bytes that a retrieve gathers into one chunk of a long message, at least and at most. */
  chunkBytesMin: 256 * 1024,
  chunkBytesMax: 1024 * 1024,
  /** Bytes, and messages, of a stream that wait for a slow client before the work on it pauses. */
  sendQueueBytesMax: 1 * 1024 * 1024,
  sendQueueMessagesMax: 1024,
  /**
   * Calls of one method at once, on all connections and on one: of methods that look at very many records, and of those
   * that look at all of a vault. The others wait, for so long at most.
   */
  scansMax: 16,
  scansPerConnectionMax: 8,
  vaultCallsMax: 3,
  vaultCallsPerConnectionMax: 2,
  costlyCallWaitMs: 10_000,
  /** Calls at once on one connection; the others wait at the client. */
  streamsPerConnectionMax: 500,
  /** Calls at once on all connections; each may have 64 KiB waiting that no request is charged for. */
  streamsMax: 4000,
  /** Uploads at once on one connection. */
  uploadsPerConnectionMax: 128,
  /** Connections at once, where the system gives the server that many descriptors. */
  connectionsMax: 10_000,
  /**
   * Open files that the store and all else are left beside connections, and below which a server says that it has few.
   * With less than the first, Node may not even be able to load the program.
   */
  descriptorsKept: 256,
  descriptorsWanted: 1024,
  /** How long a new connection may take to say that it speaks HTTP/2. */
  handshakeMs: 10_000,
  /**
   * Calls that a connection may reset: so many at once (all that it may have), and so many a second. With
   * 1000 and 33, nghttp2 would close it by itself, as if the server had failed.
   */
  resetsBurstMax: 800,
  resetsPerSecondMax: 30,
  /** Changes, and bytes of frames, that one group commit takes. */
  groupCommitChangesMax: 512,
  groupCommitBytesMax: 32 * 1024 * 1024,
  /** Bytes, and files, that the filesystem backend's journal holds before commits wait for the disk; it may hold twice. */
  journalBytesMax: 32 * 1024 * 1024,
  journalFilesMax: 8192,
  /** Conversations that a deletion of many deletes before it looks whether it is still wanted. */
  deleteBatchConversationsMax: 256,
  /** Conversations that cannot be read, which the answer to a deletion by a filter names. */
  damagedNamedMax: 1000,
  /** Of a data file up to this long, opening checks every page; of a longer one all pages but those of records. */
  openedLeavesBytesMax: 64 * 1024 * 1024,
  /** Time between two looks at each worker and at the store's health. */
  workerLookMs: 500,
  /** Time that a connection waits for a worker before it is closed, and what the last worker it is given to has of it. */
  connectionWaitMs: 900,
  connectionTakeMsMin: 300,
  /**
   * A worker that does not answer for this long is killed, and so is one that has not begun to serve. Time in which
   * other processes kept it from running does not count.
   */
  workerSilenceMsMax: 15_000,
  workerStartMsMax: 120_000,
  /** A worker that draining has not ended this long after its time is killed. */
  workerEndMsMax: 5000,
  /**
   * Time before a worker is started that takes the place of one that has ended: none at first, then this, twice as
   * long each time up to the bound. A worker that has served for the steady time begins again at none.
   */
  workerRestartMs: 250,
  workerRestartMsMax: 10_000,
  workerSteadyMs: 10_000,
  /** Workers that end in a row, without a word, before a server that is being started gives up. */
  workerStartsMax: 4,
  /** Bytes of one chunk of a backup. */
  backupChunkBytes: 256 * 1024,
  /** Segments that one batch of a garbage collection deletes. */
  garbageBatchSegmentsMax: 2048,
} as const;

export type LimitName = keyof typeof limits;
