/**
 * Every reason for which a call can fail, grouped by the phase in which it occurs. A reason has a meaning,
 * the facts of its metadata for programs, and the action of its receiver. The types of errors and
 * docs/errors.md are generated from this.
 */
interface CatalogueEntry {
  readonly meaning: string;
  /** Action for a client or an operator. */
  readonly action: string;
  /** Facts that are always present, by name. */
  readonly facts?: Readonly<Record<string, string>>;
  /** Facts that are present if they are known. */
  readonly optionalFacts?: Readonly<Record<string, string>>;
}

type Phase = Readonly<Record<string, CatalogueEntry>>;

const reading = {
  MALFORMED_CALL: {
    meaning: 'Headers, or framing of messages, are not those of gRPC.',
    action: 'Use a gRPC client; look for a proxy that changes requests.',
    optionalFacts: { field: 'the header', value: 'its value' },
  },
  UNKNOWN_ENCODING: {
    meaning: 'The request is compressed in a way that the server does not know.',
    action: 'Compress with one of the known encodings, or not at all.',
    facts: { encoding: 'the one of the request', known: 'those of the server, separated by commas' },
  },
  MALFORMED_REQUEST: {
    meaning: 'The bytes are not the message that they should be.',
    action: 'Generate the client from the proto files of this server.',
  },
  INVALID_FIELD: {
    meaning: 'The value of a field is outside its limits.',
    action: 'Correct the field.',
    facts: { field: 'its path in the request: references[3].holder' },
    optionalFacts: {
      size: 'of the value: bytes of a string, entries of a list',
      limit: 'for the size or the value',
      value: 'the value, where it is a number or a name',
    },
  },
  MALFORMED_TOKENS: {
    meaning: 'Tokens are not varints of 32 bits, or not little-endian words.',
    action: 'Encode token ids as unsigned numbers of 32 bits.',
    optionalFacts: { field: 'which tokens' },
  },
  REQUEST_TOO_LARGE: {
    meaning: 'The request, or a part of it, is longer than the server takes.',
    action: 'Send less at once; upload a long conversation in parts.',
    facts: { limit: 'for the size' },
    optionalFacts: {
      size: 'in bytes',
      field: 'which part',
      text: 'number of a text among several, inside the server only',
    },
  },
  INVALID_PAGE_TOKEN: {
    meaning: 'The page token was altered, or is of another vault, filter or order.',
    action: 'Begin again with the first page.',
    facts: { field: 'page_token' },
  },
  UNKNOWN_TOKENIZER: {
    meaning: 'Text was sent or asked for, and the server does not have the tokenizer.',
    action:
      'Send and ask for token ids, use one of the known tokenizers, or have the operator give serve --tokenizer NAME=FILE, ' +
      "the model's tokenizer.json.",
    facts: { tokenizer: 'the one of the request', known: 'those of the server, separated by commas' },
  },
  UNSUPPORTED_BY_STORAGE: {
    meaning: 'The storage of the vault cannot do this.',
    action: 'Keep the vault in one of the storages that can.',
    facts: {
      operation: 'what was asked for',
      storage: 'the one of the vault',
      storages: 'those that can, separated by commas',
    },
  },
} as const satisfies Phase;

const identifying = {
  UNAUTHENTICATED: {
    meaning:
      'It is not known who calls: there is no token, or it is not valid, or the certificate has no rights.',
    action:
      'Call with a valid token. The answer is the same for tokens that are unknown, revoked or expired.',
  },
  PERMISSION_DENIED: {
    meaning: 'The caller is known, and has no right to do this. Whether the vault exists is not said.',
    action: 'Ask the operator for the right, or name another vault.',
    facts: { right: 'the one that is missing, or "any"' },
    optionalFacts: { vault: 'the one of the request; absent if the right is missing for all vaults' },
  },
  IDENTITY_UNAVAILABLE: {
    meaning: 'The server cannot fetch the keys that tokens are checked with.',
    action: 'Try again; have the operator see to the address of the keys.',
  },
} as const satisfies Phase;

const resource = {
  resource_type: 'kind of the thing that is missing: conversation, segment, vault',
  resource_name: 'its id, hash or name',
} as const;

const finding = {
  VAULT_NOT_FOUND: {
    meaning: 'The server has no vault of this name.',
    action: 'Correct the name; an empty one is that of the default vault.',
    facts: resource,
  },
  CONVERSATION_NOT_FOUND: {
    meaning: 'There is no conversation of this id.',
    action: 'Correct the id, or take the conversation as deleted.',
    facts: resource,
  },
  SEGMENT_NOT_FOUND: {
    meaning: 'There is no segment of this hash.',
    action: 'Put the segment again, or take it as deleted.',
    facts: resource,
  },
} as const satisfies Phase;

const conversationState = {
  id: 'the conversation',
  revision: 'the one that it is at; 0 when there is no conversation',
} as const;

const checking = {
  CONVERSATION_EXISTS: {
    meaning: 'A conversation with other content has this id.',
    action: 'Use another id, or replace the content with if_revision.',
    facts: conversationState,
  },
  REVISION_MISMATCH: {
    meaning: 'The conversation is at another revision than the request expects.',
    action: 'Read the conversation again, and repeat the change on what it is now.',
    facts: conversationState,
  },
  REQUEST_ID_REUSED: {
    meaning: 'Another request was made with this request_id within the last day.',
    action: 'Make a new id for each request; keep it only for retries of the same one.',
    facts: { request_id: 'the id' },
  },
  SEGMENT_MISSING: {
    meaning: 'A change names a segment that is neither stored nor part of the change.',
    action: 'Report it with the log: the server brings such segments by itself.',
    facts: { hashes: 'the first 16 of them, separated by commas' },
  },
  PREFIX_OUTDATED: {
    meaning:
      'Fingerprints or tokens of a change are made for another state of the conversation than that stored.',
    action: 'Report it with the log: the server makes them again by itself.',
    facts: { id: 'the conversation' },
  },
  VAULT_EXISTS: {
    meaning: 'There is a vault of this name.',
    action: 'Use it, or choose another name.',
    facts: { vault: 'the name' },
  },
  COMPACTION_RUNNING: {
    meaning: 'A compaction of the vault runs; there is one at a time.',
    action: 'Wait until it ends.',
    facts: {
      segments_done: 'segments that are rewritten so far',
      segments: 'segments in all',
      bytes_before: 'bytes of the rewritten frames, as they were',
      bytes_after: 'bytes of the rewritten frames, as they are',
    },
  },
  REGISTRY_CONFLICT: {
    meaning: 'The id of a new registry is not the next free one.',
    action: 'Report it with the log: the server chooses the ids.',
    facts: { registry: 'the id' },
  },
  SEGMENT_REFERENCED: {
    meaning: 'The segment is not garbage, or is being read.',
    action: 'Remove its references; if ref_count is 0, try again.',
    facts: { ref_count: 'references that it has; 0 while a stream may still read it' },
  },
} as const satisfies Phase;

const readingStored = {
  TOKENIZER_CHANGED: {
    meaning:
      "Text was sent or asked for, and the server's file of the tokenizer is not the one of the vault.",
    action:
      'Have the operator start the server with the file that the vault has text of, or give the other one another ' +
      'name. Token ids can be stored and read.',
    facts: {
      tokenizer: 'of the conversation, or of the request',
      kept: 'SHA-256 of the vocabulary that the vault keeps',
      given: 'SHA-256 of the one that the server was started with',
    },
  },
  NO_CHAT_TEMPLATE: {
    meaning: 'A conversation is to be rendered, and its tokenizer has no chat template.',
    action:
      'Name a template in the request (--chat-template=FILE of get --render and import), or have the operator give serve ' +
      "--tokenizer the model's folder, with its tokenizer_config.json or chat_template.jinja.",
    facts: { tokenizer: 'of the conversation' },
  },
  RENDER_FAILED: {
    meaning: 'The chat template cannot render the conversation: it says why, or takes too much.',
    action: 'Look whether the template is that of the model, and whether it takes such messages.',
  },
  UNDECODABLE_TOKEN: {
    meaning: 'Text was asked for, and the tokenizer has no such token.',
    action: 'Ask for token ids.',
    facts: { tokenizer: 'of the conversation', token: 'the id that it does not have' },
  },
  CORRUPT_SEGMENT: {
    meaning: 'A frame does not decode, or does not decode to tokens of its hash.',
    action: 'Have the operator run stowken verify; restore a backup. Another request cannot help.',
    optionalFacts: {
      segment: 'the number of the segment in the store',
      hash: 'the hash of the segment',
      registry: 'the registry that is missing',
      index: 'which frame of a batch, from 0',
    },
  },
  CORRUPT_STORE: {
    meaning: 'A record does not decode, or an invariant does not hold.',
    action: 'Have the operator run stowken verify, with --repair if it says so; restore a backup.',
    optionalFacts: {
      conversation: 'the id of the conversation',
      segment: 'the number or the hash of the segment',
      manifest: 'the name of the manifest',
      registry: 'the id of the registry',
      table: 'the table of the record',
      key: 'the key of the record',
      file: 'the file that is damaged',
      journal: 'the journal that is damaged',
      offset: 'where in it, in bytes',
      page: 'the page of the data file',
      invariant: 'the first invariant that does not hold',
      subject: 'the record that breaks it',
      violations: 'how many records break invariants',
      command: 'the command that copies what can be read',
    },
  },
  AUDIT_LOG_OFF: {
    meaning: 'The server keeps no audit log.',
    action: 'Have the operator start it without --audit-log off.',
  },
  RANGE_PAST_END: {
    meaning: 'A range begins after the end of the conversation.',
    action: 'Begin at the end at most.',
    facts: { field: 'the offset', size: 'its value', limit: 'the end' },
  },
  INDEX_BUILDING: {
    meaning: 'The index that the order of a list needs is still being built.',
    action: 'Try again later, or list by creation.',
    facts: { behind: 'conversations that it lacks at most' },
  },
  PREFIX_INDEX_OFF: {
    meaning: 'The prefix index of the vault is off.',
    action: 'Have the operator turn it on; conversations that are stored from then on are found.',
  },
} as const satisfies Phase;

const opening = {
  FOLDER_NOT_EMPTY: {
    meaning: 'The folder for a new vault has other files, or is a file.',
    action: 'Name an empty folder, or one that does not exist.',
    facts: { folder: 'the folder' },
  },
  VAULT_NOT_EMPTY: {
    meaning: 'The vault that a copy is to fill has content of its own, or a server has it open.',
    action: 'Name a new vault. A copy that was interrupted goes on, if no server has opened its vault since.',
    facts: { vault: 'the name' },
  },
  STORE_LOCKED: {
    meaning: 'Another server has the vault open.',
    action: 'Stop the other server, or use it.',
    facts: { folder: 'of the vault' },
  },
  STORE_VERSION: {
    meaning: 'The vault, or a part of it, has a format that this version does not read.',
    action: 'Use the version that wrote it.',
    optionalFacts: {
      version: 'the one that was found',
      version_max: 'the newest that is read',
      kind: 'the storage that wrote the vault',
      folder: 'of the vault',
    },
  },
  READ_ONLY: {
    meaning: 'The server was started with --read-only, and the call would change something.',
    action: 'Send changes to a server that takes them.',
  },
  VAULT_FULL: {
    meaning: 'The vault has more bytes in use than its quota, and the change would add to them.',
    action: 'Delete conversations and collect garbage, or have the operator raise the quota.',
    facts: { size: 'bytes in use', limit: 'the quota' },
  },
  DISK_FULL: {
    meaning: 'The disk has less free space than the server keeps free, and the change would take some of it.',
    action:
      'Have the operator make room on the disk: the server stores again by itself. Deletions, garbage collection ' +
      'and compaction still work.',
    facts: { size: 'bytes that are free', limit: 'bytes that must be free' },
  },
  WRITES_STOPPED: {
    meaning: 'A commit failed before: the server reads, and writes no more.',
    action: 'Have the operator see to the cause, and start the server again.',
    facts: { cause: 'why the commit failed' },
  },
  STORAGE_UNAVAILABLE: {
    meaning: 'The database that has the vault cannot be reached, or did not answer in time.',
    action: 'Try again after a while; have the operator see to the database.',
    facts: { cause: 'why it cannot' },
  },
  COMMIT_FAILED: {
    meaning: 'The commit failed, and left nothing.',
    action: 'Have the operator see to the cause: a full disk, an input or output error.',
    facts: { cause: 'why it failed' },
  },
  INVARIANT_BROKEN: {
    meaning: 'The server found its own figures or records in contradiction, and made no change.',
    action: 'Report it with the entry of the log; have the operator run stowken verify.',
    facts: { invariant: 'what should hold' },
    optionalFacts: { subject: 'the number or the record for which it does not hold' },
  },
  BACKUP_FAILED: {
    meaning: 'The copy that is to be streamed cannot be made beside the vault.',
    action: 'Make room on the disk of the vault.',
    facts: { cause: 'why it cannot' },
    optionalFacts: { size: 'bytes that are needed', limit: 'bytes that are free' },
  },
} as const satisfies Phase;

const atAnyMoment = {
  DEADLINE_EXCEEDED: {
    meaning: 'The deadline has passed, or the request came too slowly.',
    action: 'Allow more time, or ask for less.',
    optionalFacts: { size: 'bytes of the request', limit: 'milliseconds without a byte, or bytes a second' },
  },
  CANCELLED: {
    meaning: 'The call was cancelled.',
    action: 'Nothing: the client wanted it so, or its connection broke.',
  },
  SHUTTING_DOWN: {
    meaning: 'The server is stopping.',
    action: 'Try again, until a server is there.',
  },
  OVERLOADED: {
    meaning: 'The server has as much to do as it takes.',
    action: 'Try again after a while, with fewer calls at once.',
    optionalFacts: {
      limit: 'what is done or kept at once',
      size: 'of the request, in bytes',
      method: 'whose calls are too many',
      running: 'calls that run',
      connection_limit: 'calls of one connection that run at once',
      waited_ms: 'how long the call has waited',
    },
  },
  CALLER_LIMIT: {
    meaning: 'The caller has as many calls under way, or begins as many a second, as one caller may.',
    action: 'Try again after the time that it says, with fewer calls at once.',
    facts: {
      kind: 'what is limited: calls under way, uploads under way, calls a second',
      limit: 'how many there may be',
      retry_after_ms: 'when to try again',
    },
  },
  INTERNAL: {
    meaning: 'Anything else.',
    action: 'Report it with the entry of the log that has the same error_id.',
    optionalFacts: { error_id: 'names the entry of the log' },
  },
} as const satisfies Phase;

/** Phases in the order of a call. */
export const errorPhases = {
  'Reading the request: nothing has been done yet': reading,
  'Finding out who calls, and what they may do': identifying,
  'Finding what the request names': finding,
  'Checking what a commit expects: nothing has been written': checking,
  'Reading what is stored': readingStored,
  'Opening and writing the store': opening,
  'At any moment': atAnyMoment,
} as const satisfies Record<string, Phase>;

export const errorCatalogue = {
  ...reading,
  ...identifying,
  ...finding,
  ...checking,
  ...readingStored,
  ...opening,
  ...atAnyMoment,
} as const satisfies Phase;
