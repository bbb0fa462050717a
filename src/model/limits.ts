/**
 * Every limit of the server, with its unit last in its name. An error states the size and the limit.
 * GetCapabilities reports them all.
 */
export const limits = {
  /** Size of a conversation's id, in UTF-8. */
  conversationIdBytesMax: 512,
  /** Size of a role, a name, an application, a model or a tokenizer, in UTF-8. */
  labelBytesMax: 256,
  toolCallIdBytesMax: 512,
  /**
   * Size of a client's own id of a request, in UTF-8, and the time for which a retry under it gets the first
   * answer.
   */
  requestIdBytesMax: 128,
  requestIdMemoryMs: 24 * 60 * 60 * 1000,
  /** Time by which a create time that a client gives may be after the server's time. */
  createTimeAheadMsMax: 24 * 60 * 60 * 1000,
  /** Time that the clock may be behind the newest conversation before the server reports it. */
  clockBehindMsMax: 60_000,
  /** Time for which a call waits for another vault to be closed, when too many are open. */
  vaultWaitMs: 10_000,
  /** Time for which a vault that did not open is not tried again. */
  vaultRetryMs: 1000,
  /** Vaults that a server has open at once; default of serve. */
  openVaultsDefault: 64,
  /**
   * Default of the free space of the disk below which a server stores nothing new: a part of the disk in
   * percent, and this many bytes at most. It stores again at so many percent of that. Time between two looks
   * at the disk while there are changes, and without any.
   */
  diskFreePercentDefault: 5,
  diskFreeBytesDefault: 1024 * 1024 * 1024,
  diskReleasePercent: 110,
  diskLookMs: 200,
  diskIdleLookMs: 1000,
  /** Free space of the disk without which the files of a vault are not made. */
  newVaultBytesMin: 1024 * 1024,
  /**
   * Audit log: size of a file, and number of files, by default; ids of one event; events that wait while the
   * disk refuses them. Denied calls of one kind are counted for this time, so many kinds at once.
   */
  auditFileBytesDefault: 16 * 1024 * 1024,
  auditFilesDefault: 8,
  auditIdsMax: 16,
  auditWaitingMax: 10_000,
  auditRepeatMs: 60_000,
  auditRepetitionsMax: 1000,
  /** Size of the name under which a client holds a segment, in UTF-8. */
  holderBytesMax: 512,
  /** Size of the fields of a message, as JSON in UTF-8. */
  fieldsBytesMax: 2 * 1024 * 1024,
  /** Size of an attachment, and number of them in a message; bytes of one that are stored as one segment. */
  attachmentBytesMax: 64 * 1024 * 1024,
  attachmentsPerMessageMax: 256,
  attachmentPartBytes: 1024 * 1024,
  metadataEntriesMax: 64,
  metadataKeyBytesMax: 128,
  metadataValueBytesMax: 8192,
  filterMetadataEntriesMax: 16,
  /** Labels of a vault: metadata keys that lists and usage know. */
  labelsMax: 8,
  /** Lifetimes of a vault by application and label, and label values that are kept. */
  lifetimesMax: 64,
  /** Rows of one answer about usage. */
  usageRowsMax: 10_000,
  /** Size of such an answer: clients of gRPC take no more unless they are told to. */
  usageAnswerBytesMax: 4 * 1024 * 1024,
  /** Conditions of a filter, and values of one condition. */
  filterConditionsMax: 16,
  conditionValuesMax: 100,
  /** Size of a whole request as it arrives; a longer one has to be uploaded in parts. */
  requestBytesMax: 64 * 1024 * 1024,
  /** Size of the part of a request that is decoded into objects: everything but messages. */
  requestFieldsBytesMax: 1024 * 1024,
  /**
   * Memory charged for a request while it arrives and is processed: its bytes times a factor, plus a
   * constant. Stores of random tokens took 4.5 times their bytes, garbage included.
   */
  requestChargeTimes: 4,
  requestChargeBytes: 1024,
  /** Share of the memory for requests that one connection may take, in percent. */
  connectionSharePercentMax: 75,
  /** Time that a request waits for memory before it is refused. */
  intakeWaitMs: 10_000,
  /**
   * Size from which a request is large, the number of large requests processed at once in a process, and the
   * time that the others wait.
   */
  largeRequestBytesMin: 4 * 1024 * 1024,
  largeRequestsMax: 2,
  largeRequestWaitMs: 30_000,
  /**
   * Large requests that arrive or are worked on, in a process, and the time after which the next one may
   * arrive if one has not.
   */
  largeArrivalsMax: 3,
  largeArrivalTurnMs: 5000,
  /** Expansion that is first assumed for a compressed request; more is charged before it is kept. */
  expansionGuessTimes: 4,
  expansionGuessBytesMax: 1024 * 1024,
  /**
   * Time without data after which a request is ended, and time without a call after which a connection is
   * closed. Defaults of serve.
   */
  requestIdleDefaultMs: 60_000,
  connectionIdleDefaultMs: 600_000,
  /** Minimum rate at which a request must arrive, on average, apart from the time that it may be idle. */
  requestBytesPerSecondMin: 64 * 1024,
  messagesPerRequestMax: 100_000,
  /** Conversations named by one request. */
  conversationsPerRequestMax: 10_000,
  /** Concurrent uploads; each holds about two parts, one batch, and the list of its messages. */
  uploadsMax: 256,
  /** Size of one part of an upload as it arrives. */
  uploadPartBytesMax: 2 * 1024 * 1024,
  /** Text of one message of an upload, in UTF-8: text is encoded as a whole. */
  uploadTextBytesMax: 16 * 1024 * 1024,
  /** Texts of uploads that are not tokens yet, in UTF-8; each counts as the longest one. */
  textRoomBytesMax: 512 * 1024 * 1024,
  /**
   * UTF-8 of text without a break between words, digits and punctuation. Merging it takes time and memory.
   */
  textRunBytesMax: 512 * 1024,
  /** A text that the library of other tokenizers encodes at once: it takes some 200 bytes a token. */
  libraryTextBytesMax: 4 * 1024 * 1024,
  /** A tokenizer's file, the tokens it may have, and the tokenizers that a server is started with. */
  tokenizerFileBytesMax: 128 * 1024 * 1024,
  vocabularyTokensMax: 4 * 1024 * 1024,
  tokenizersMax: 64,
  /** Long texts, and their bytes, that the tokenizer threads process at once; others wait. */
  longTextsPerThreadMax: 16,
  longTextsBytesMax: 128 * 1024 * 1024,
  /** Messages of one upload, and bytes of the list of them that is kept until it ends. */
  uploadMessagesMax: 1_000_000,
  uploadListBytesMax: 64 * 1024 * 1024,
  /** New tokens of one commit; a change that brings more stores them in batches before its commit. */
  commitTokensMax: 1024 * 1024,
  /** Tokens, and segments, of one such batch, and of an upload's. */
  uploadBatchTokensMax: 256 * 1024,
  uploadBatchSegmentsMax: 1024,
  /** Messages above which uploads commit one after the other, because their lists are expanded for that. */
  uploadTogetherMessagesMax: 16 * 1024,
  /** Segments, or references, named by one request. */
  segmentsPerRequestMax: 10_000,
  /** Tokens of a segment; a longer message is stored as several segments. */
  segmentTokensMax: 1024 * 1024,
  /**
   * Messages up to this size are one segment; longer ones are split by content, at these sizes. A trained
   * registry finds the sequences that segments share; the splits find whole pages that were pasted before it
   * was trained.
   */
  segmentWholeTokensMax: 8192,
  segmentCutTokensMin: 512,
  segmentCutTokensTarget: 2048,
  segmentCutTokensMax: 8 * 1024,
  /** Tokens of one coded block; it bounds the codec's memory. A longer segment is coded block by block. */
  codecBlockTokensMax: 64 * 1024,
  /**
   * Segments, and bytes of frames, that one batch of a compaction rewrites. If they take longer than this
   * time to encode, a batch has fewer segments, but not fewer than the minimum.
   */
  compactionBatchSegmentsMax: 128,
  compactionBatchSegmentsMin: 64,
  compactionBatchBytesMax: 64 * 1024,
  compactionBatchMs: 50,
  /** Automatic compaction: time between two looks, and unique tokens below which it never starts. */
  autoCompactionPauseMs: 30_000,
  autoCompactionTokensMin: 1_000_000,
  /**
   * Background check: time between two looks at the open vaults, and default of the time between two parts.
   * A part has these bytes of records, or this fraction of the vault if that is more: all of it in a week.
   */
  checkLookMs: 60_000,
  checkIntervalDefaultMs: 3_600_000,
  checkPartBytesMin: 64 * 1024 * 1024,
  checkPartsMax: 168,
  /** Bytes of records that it checks at a stretch, and the rest after it, as a multiple of the time taken. */
  checkSliceBytes: 32 * 1024,
  checkRestFactor: 9,
  checkRestMs: 10,
  /** Damaged records of a vault that it remembers. */
  checkDamageMax: 100,
  /**
   * Sweeps of what has expired: default of the time between two of an open vault, time between two of a
   * closed one, and conversations that are deleted at a stretch.
   */
  sweepIntervalDefaultMs: 3_600_000,
  sweepClosedMs: 86_400_000,
  sweepBatchConversations: 64,

  /**
   * Free pages of a data file are given back to the file system when it has so many times the bytes in use,
   * and more than them by so many bytes, until it has no more than the second factor; looked at so often.
   * Space that an attempt could not give back is left for so long.
   */
  spaceFactorBefore: 1.25,
  spaceFactorAfter: 1.1,
  spaceExcessBytesMin: 256 * 1024,
  giveBackIntervalDefaultMs: 60_000,
  spaceRetryMs: 3_600_000,

  /** Wait of an erasure for those who read what is erased: of a call that does not say, and the longest. */
  eraseWaitMsDefault: 30_000,
  eraseWaitMsMax: 3_600_000,
  /** Tokens of stored segments that one registry is trained on. */
  trainingTokensMax: 10_000_000,
  /** Phrases of one registry. */
  registryPhrasesMax: 48_000,
  /** Tokens of the passages that one registry contains verbatim. */
  registryTextTokensMax: 1024 * 1024,
  pageSizeDefault: 50,
  pageSizeMax: 1000,
  /** Size of a page; a gRPC client accepts 4 MiB by default. */
  pageBytesMax: 3 * 1024 * 1024,
  /** Conversations that one page examines before it returns its entries so far. */
  pageScanMax: 20_000,
  /** Tokens of one block of the prefix index: shorter prefixes are not found. Fixed by the storage format. */
  prefixBlockTokens: 256,
  /** Conversations that one search for a prefix compares and returns: limit and default. */
  prefixMatchesMax: 100,
  prefixMatchesDefault: 10,
  /** Text that a search looks for, its hits (limit and default), and its memory of contents seen before. */
  searchTextBytesMax: 1024,
  searchHitsMax: 1000,
  searchHitsDefault: 100,
  searchMemoryBytesMax: 32 * 1024 * 1024,
  /** Threads of a process that search, and memory of the registries that one has loaded. */
  searchThreadsMax: 4,
  searchThreadRegistriesBytesMax: 96 * 1024 * 1024,
  /** Segments that a thread scans together. */
  searchScanSlotsMax: 1024,
  /**
   * Similar content: tokens of what is compared, default threshold, least threshold of a report of
   * duplicates, and memory for segments that were compared before.
   */
  similarTokensMax: 1024 * 1024,
  similarPercentDefault: 80,
  duplicatesPercentMin: 50,
  similarMemoryBytesMax: 32 * 1024 * 1024,
  /**
   * Conversations that a report of duplicates keeps to compare others with, and those of them that one
   * conversation is compared with.
   */
  duplicatesKeptMax: 100_000,
  duplicatesComparedMax: 8,
  /** Tokens that a call processes before it gives others a turn. */
  turnTokensMax: 256 * 1024,
  /** Messages of a request that are read before others get a turn. */
  turnMessagesMax: 4096,
  /** Tokens (or one segment), and segments, that a retrieve reads ahead of the data sent. */
  readBatchTokensMax: 128 * 1024,
  /** Approximate tokens of a batch that are decoded together. */
  decodeAheadTokensMax: 8192,
  /** Size of the cache of decoded segments, in either form. */
  recentSegmentsBytesMax: 16 * 1024 * 1024,
  /** Size of the cache of hashes with their token sequences. */
  recentHashesBytesMax: 8 * 1024 * 1024,
  /** Size of that cache for a vault other than the default one: very many may be open. */
  recentHashesOtherBytesMax: 1024 * 1024,
  /** Size of the memory of texts that came again; and of that of a vault other than the default one. */
  recentTextsBytesMax: 8 * 1024 * 1024,
  recentTextsOtherBytesMax: 1024 * 1024,
  readBatchSlotsMax: 256,
  /** Content bytes that a retrieve gathers into one chunk of a long message: minimum and maximum. */
  chunkBytesMin: 256 * 1024,
  chunkBytesMax: 1024 * 1024,
  /** Bytes of a response that several parts of many conversations share. */
  partsPackBytesMax: 256 * 1024,
  /** Bytes, and messages, of a stream that may wait for a slow client before the stream's work pauses. */
  sendQueueBytesMax: 1 * 1024 * 1024,
  sendQueueMessagesMax: 1024,
  /**
   * Concurrent calls of one method, on all connections and on one: of methods that read very many records,
   * and of those that read all of a vault. The others wait, no longer than this time.
   */
  scansMax: 16,
  scansPerConnectionMax: 8,
  vaultCallsMax: 3,
  vaultCallsPerConnectionMax: 2,
  costlyCallWaitMs: 10_000,
  /** Concurrent calls on one connection; the others wait at the client. */
  streamsPerConnectionMax: 500,
  /** Concurrent calls on all connections; each may have 64 KiB waiting that no request is charged for. */
  streamsMax: 4000,
  /** Concurrent uploads on one connection. */
  uploadsPerConnectionMax: 128,
  /**
   * Calls, and uploads, that one caller who is known by name may have under way on all connections: defaults
   * of serve. Time after which a caller who has too many should try again.
   */
  callerCallsDefault: 3000,
  callerUploadsDefault: 192,
  callerRetryMs: 1000,
  /** Concurrent connections, if the system gives the server that many descriptors. */
  connectionsMax: 10_000,
  /**
   * Open files reserved for everything but connections, and the number of descriptors below which a server
   * logs that it has few. With fewer than the first, Node may not even be able to load the program.
   */
  descriptorsKept: 256,
  descriptorsWanted: 1024,
  /**
   * Time in which a new connection must start to speak HTTP/2; with TLS, it has that time for each of both.
   */
  handshakeMs: 10_000,
  /**
   * Looks, one a second, after which a connection without calls is asked whether its client is there, and
   * after which one that does not answer is closed.
   */
  quietLooksMax: 15,
  unansweredLooksMax: 10,
  /** Time between two looks at files that are read again when they change; it takes two until they are. */
  reloadedFilesLookMs: 250,
  /** Time between two looks at whether the callers of open streams are still who they were. */
  streamCallerLookMs: 1000,
  /** Size of a chat template; and time, heap and output of its rendering, and text of the messages. */
  chatTemplateBytesMax: 256 * 1024,
  renderMsMax: 5000,
  renderHeapMbMax: 256,
  renderedBytesMax: 16 * 1024 * 1024,
  /** Size of a token that a call brings. */
  tokenBytesMax: 8192,
  /** Time, and number of tokens, for which the result of checking a JWT is remembered. */
  jwtMemoryMs: 60_000,
  jwtMemoryTokensMax: 10_000,
  /** Default of the time by which the clock of a JWT's issuer may differ. */
  jwtClockSkewDefaultMs: 30_000,
  /** Size of a set of keys that is fetched. */
  jwksBytesMax: 1024 * 1024,
  /**
   * Time that fetching keys may take, the pause before the next try, and the time that fetched keys are used.
   */
  jwksTimeoutMs: 5000,
  jwksCooldownMs: 30_000,
  jwksCacheMs: 600_000,
  /**
   * Calls that a connection may reset: at once (as many as it may have), and per second. With 1000 and 33,
   * nghttp2 would close it by itself, as if the server had failed.
   */
  resetsBurstMax: 800,
  resetsPerSecondMax: 30,
  /** Changes, and bytes of frames, of one group commit. */
  groupCommitChangesMax: 512,
  groupCommitBytesMax: 32 * 1024 * 1024,
  /**
   * Bytes, and files, in the filesystem backend's journal before commits wait for the disk; it may hold twice
   * as much.
   */
  journalBytesMax: 32 * 1024 * 1024,
  journalFilesMax: 8192,
  /** Conversations that a deletion of many deletes before it checks whether it was cancelled. */
  deleteBatchConversationsMax: 256,
  /** Unreadable conversations that the answer to a deletion by a filter names. */
  damagedNamedMax: 1000,
  /**
   * Size up to which opening checks every page of a data file; of a larger file, it checks all pages but
   * those of records.
   */
  openedLeavesBytesMax: 64 * 1024 * 1024,
  /** The same after a process that had the file open and did not close it. */
  reopenedLeavesBytesMax: 1024 * 1024 * 1024,
  /** Time between two looks at each worker and at the store's health. */
  workerLookMs: 500,
  /**
   * Time that a connection waits for a worker before it is closed, and the part of it for the last worker
   * that is tried.
   */
  connectionWaitMs: 900,
  connectionTakeMsMin: 300,
  /**
   * Time without an answer after which a worker is killed, whether or not it has begun to serve. Time in
   * which other processes kept it from running does not count.
   */
  workerSilenceMsMax: 15_000,
  workerStartMsMax: 120_000,
  /** Time after the end of its grace in which a worker must exit; then it is killed. */
  workerEndMsMax: 5000,
  /**
   * Delay before a worker that has ended is replaced: none at first, then this, doubled each time up to the
   * bound. A worker that has served for the steady time starts again at none.
   */
  workerRestartMs: 250,
  workerRestartMsMax: 10_000,
  workerSteadyMs: 10_000,
  /** Consecutive workers that may end silently before the start of a server fails. */
  workerStartsMax: 4,
  /** Size of one chunk of a backup. */
  backupChunkBytes: 256 * 1024,
  /** Segments that one batch of a garbage collection deletes. */
  garbageBatchSegmentsMax: 2048,
  /** Connections of the metrics port at once, and the time that each has for its request and answer. */
  metricsConnectionsMax: 64,
  metricsConnectionMs: 30_000,
  /**
   * Connections of the page's port at once, in a process; further names of the server; the time that each
   * has to send a request, and a client to take the next bytes of an answer.
   */
  pageConnectionsMax: 256,
  pageHostsMax: 16,
  pageRequestMs: 30_000,
  pageStallMs: 60_000,
  /** Size of a request of the page, of an answer to it, and the time that a call for it may take. */
  pageRequestBytesMax: 64 * 1024,
  pageAnswerBytesMax: 16 * 1024 * 1024,
  pageCallMs: 120_000,
  /** Age of metrics up to which they are answered without being collected again. */
  metricsAgeMs: 250,
  /** Vaults whose metrics are apart; those of all others are summed. */
  metricsVaultsMax: 20,
  /** Time that a worker has to return its metrics; afterwards those that it returned last are used. */
  workerMetricsMs: 2000,
  /** Interval at which the delay of the event loop is measured, if there are metrics. */
  eventLoopLookMs: 100,
} as const;
