import { promisify } from 'node:util';
import { brotliCompress, brotliDecompress, constants } from 'node:zlib';
import { isStowkenError, sharedBytes, StowkenError, tokenizerChanged } from '../model/index.js';
import type { StorageBackend } from '../storage/index.js';
import {
  type ChatTemplate,
  type ChatTemplateFile,
  type DecodeOptions,
  type GivenTokenizer,
  isVocabularyOf,
  openChatTemplate,
  type TokenizerPool,
  type Tokenizers,
  type TokensToDecode,
  type VocabularyFile,
} from '../text/index.js';
import { chatKey } from './kept-chat.js';
import type { RecentTexts } from './recent-texts.js';

const pack = promisify(brotliCompress);
const unpack = promisify(brotliDecompress);
/** Quality of packing, which is done once: it takes a tenth of a second. */
const packing = { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } };
/** Limit of the vocabularies in memory that a vault has and the server has no file of. */
const filesMax = 4;

type Backend = Pick<StorageBackend, 'commit' | 'readTokenizer' | 'kind'>;

/**
 * Tokenizers of one vault. The vault keeps the vocabulary of a tokenizer of a file, from the first text that
 * is encoded with it: nothing is ever decoded with another one, also by a server that has no such file or
 * another one. What a vault keeps is never replaced, so that it is read once.
 */
export class VaultTokenizers {
  /** Hashes by name, of those that were found in the vault. */
  readonly #kept = new Map<string, string>();
  /** By name, the last ones used at the end. */
  readonly #files = new Map<string, VocabularyFile>();
  /** By name, as the vault keeps them. */
  readonly #chats = new Map<string, ChatTemplate>();
  readonly #binding = new Map<string, Promise<void>>();

  constructor(
    private readonly pool: TokenizerPool,
    private readonly backend: Backend,
    private readonly recent: RecentTexts,
  ) {}

  /** Returns the tokenizers for calls; `binds`: text that they encode makes the vault keep its vocabulary. */
  face(binds: boolean): Tokenizers {
    const { pool } = this;
    return {
      known: pool.known,
      resolve: (name) => pool.resolve(name),
      ofModel: (model) => pool.ofModel(model),
      has: (name) => this.#has(name),
      encode: async (name, texts, signal, options) => {
        const source = await this.#sourceOf(name);
        if (binds) await this.#bind(name);
        const specials = options?.specials === true;
        return this.recent.encode({ tokenizer: name, specials, texts }, (unknown) =>
          pool.encode(source, unknown, signal, options),
        );
      },
      decode: async (name, items: readonly TokensToDecode[], signal, options?: DecodeOptions) =>
        pool.decode(await this.#sourceOf(name), items, signal, options),
      spellings: async (name) => pool.spellings(await this.#sourceOf(name)),
      shingleTarget: (segments) => pool.shingleTarget(segments),
      compare: (shingles, signal) => pool.compare(shingles, signal),
      chatTemplate: (name) => this.#chatTemplate(name),
      render: (input, signal) => pool.render(input, signal),
      close: async () => undefined,
    };
  }

  async #has(name: string): Promise<boolean> {
    if (this.#comesWithProgram(name)) return true;
    const [given, kept] = [this.pool.given(name), await this.#hashOf(name)];
    return given === undefined || kept === undefined ? (given ?? kept) !== undefined : isOf(given, kept);
  }

  /**
   * Returns what text of a tokenizer is encoded and decoded with; the name itself if the program has it.
   * @throws StowkenError TOKENIZER_CHANGED
   */
  async #sourceOf(name: string): Promise<string | VocabularyFile> {
    if (this.#comesWithProgram(name)) return name;
    const given = this.pool.given(name);
    const kept = await this.#hashOf(name);
    if (given === undefined) return kept === undefined ? name : this.#keptFile(name);
    if (kept === undefined || kept === given.sha256) return name;
    // Text of a vault goes on being encoded as it was, by the rules of the version that began it.
    if (isOf(given, kept)) return this.#keptFile(name);
    throw tokenizerChanged(name, kept, given.sha256);
  }

  #comesWithProgram(name: string): boolean {
    return this.pool.given(name) === undefined && this.pool.resolve(name) !== undefined;
  }

  async #hashOf(name: string): Promise<string | undefined> {
    const known = this.#kept.get(name);
    if (known !== undefined || name === '') return known;
    const kept = await this.backend.readTokenizer?.(name);
    if (kept !== undefined) this.#kept.set(name, kept.sha256);
    return kept?.sha256;
  }

  /** Returns the chat template that the vault keeps, or the one that the server was given. */
  async #chatTemplate(name: string): Promise<ChatTemplate | undefined> {
    const kept = await this.#keptChat(name);
    return kept ?? this.pool.chatTemplate(name);
  }

  async #keptChat(name: string): Promise<ChatTemplate | undefined> {
    const known = this.#chats.get(name);
    if (known !== undefined || name === '') return known;
    const kept = await this.backend.readTokenizer?.(chatKey(name));
    if (kept === undefined) return undefined;
    const chat = openChatTemplate(await unpacked(name, kept.packed, kept.sha256));
    this.#chats.set(name, chat);
    return chat;
  }

  async #keptFile(name: string): Promise<VocabularyFile> {
    let file = this.#files.get(name);
    this.#files.delete(name);
    if (file === undefined) {
      const { sha256, packed } = (await this.backend.readTokenizer!(name))!;
      file = { sha256, file: sharedBytes(await unpacked(name, packed, sha256)) };
    }
    this.#files.set(name, file);
    if (this.#files.size > filesMax) this.#files.delete(this.#files.keys().next().value!);
    return file;
  }

  /** Has the vault keep the vocabulary that the server was given, before anything is stored with it. */
  async #bind(name: string): Promise<void> {
    const given = this.pool.given(name);
    if (given === undefined) return;
    const isKept = (await this.#hashOf(name)) !== undefined;
    if (isKept && (given.chat === undefined || (await this.#keptChat(name)) !== undefined)) return;
    let binding = this.#binding.get(name);
    if (binding === undefined) {
      binding = this.#keep(name, given).finally(() => this.#binding.delete(name));
      this.#binding.set(name, binding);
    }
    await binding;
  }

  async #keep(name: string, { sha256, file, chat }: GivenTokenizer): Promise<void> {
    if (!this.backend.readTokenizer)
      throw new StowkenError(
        'UNSUPPORTED_BY_STORAGE',
        `the ${this.backend.kind} storage keeps no vocabularies, so that text of tokenizer ${JSON.stringify(name)} cannot be stored`,
        { operation: 'text of a tokenizer of a file', storage: this.backend.kind, storages: 'lmdb, memory' },
      );
    if ((await this.#hashOf(name)) === undefined) {
      // A copy: the bytes are shared between threads, which packing does not take.
      const packed = await pack(Buffer.from(file), packing);
      await this.backend.commit({ putTokenizer: { name, sha256, packed } });
      this.#kept.set(name, sha256);
    }
    if (chat !== undefined && (await this.#keptChat(name)) === undefined) await this.#keepChat(name, chat);
  }
  async #keepChat(name: string, { sha256, file }: ChatTemplateFile): Promise<void> {
    const packed = await pack(Buffer.from(file), packing);
    const put = this.backend.commit({ putTokenizer: { name: chatKey(name), sha256, packed } });
    await put.catch((error: unknown) => {
      // Another server was first: its template is kept.
      if (!isStowkenError(error, 'TOKENIZER_CHANGED')) throw error;
    });
  }
}

/** True if a kept vocabulary is that of a file, as this version or an earlier one reads it. */
function isOf({ sha256, earlierSha256 }: GivenTokenizer, kept: string): boolean {
  return kept === sha256 || kept === earlierSha256;
}

/** @throws StowkenError CORRUPT_STORE if it is not the vocabulary of this hash */
async function unpacked(name: string, packed: Uint8Array, sha256: string): Promise<Uint8Array> {
  const file = await unpack(packed).catch(() => undefined);
  if (file !== undefined && isVocabularyOf(file, sha256)) return file;
  throw new StowkenError('CORRUPT_STORE', `the vocabulary of tokenizer ${JSON.stringify(name)} is damaged`);
}
