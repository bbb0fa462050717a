import { useEffect, useRef, useState } from 'preact/hooks';
import { type ApiError, stream } from './api.js';
import type { SearchHit } from './generated/responses.js';
import { count, plural } from './format.js';
import { type Extract, extractsOf } from './extracts.js';
import { goTo, hrefOf } from './route.js';
import { Failure, Role } from './ui.js';

interface Found {
  readonly hits: readonly SearchHit[];
  /** Conversations searched so far. */
  readonly searched: number;
  readonly unsearched: number;
  readonly isRunning: boolean;
  /** Token to go on with; empty if all is searched. */
  readonly next: string;
  readonly error: ApiError | undefined;
}

const nothing: Found = { hits: [], searched: 0, unsearched: 0, isRunning: false, next: '', error: undefined };

/** Finds text in messages; hits come as they are found. */
export function Search({ vault, params }: { readonly vault: string; readonly params: URLSearchParams }) {
  const text = params.get('q') ?? '';
  const ignoreCase = params.get('case') !== 'exact';
  const wholeWords = params.get('words') === 'whole';
  const [found, setFound] = useState(nothing);
  const running = useRef<AbortController>(undefined);
  const run = async (before: Found): Promise<void> => {
    running.current?.abort();
    const abort = (running.current = new AbortController());
    let now: Found = { ...before, isRunning: true, next: '', error: undefined };
    const show = (changed: Partial<Found>): void => {
      now = { ...now, ...changed };
      if (!abort.signal.aborted) setFound(now);
    };
    show({});
    const request = {
      vault,
      text,
      ignore_case: ignoreCase,
      whole_words: wholeWords,
      limit: 100,
      page_token: before.next,
    };
    try {
      for await (const part of stream('ConversationService', 'SearchConversations', request, abort.signal))
        show({
          hits: [...now.hits, ...part.hits],
          searched: before.searched + Number(part.conversations),
          unsearched: before.unsearched + Number(part.unsearched),
          next: part.next_page_token,
        });
      show({ isRunning: false });
    } catch (error) {
      show({ isRunning: false, error: error as ApiError });
    }
  };
  useEffect(() => {
    setFound(nothing);
    if (text !== '') void run(nothing);
    return () => running.current?.abort();
  }, [vault, text, ignoreCase, wholeWords]);
  return (
    <>
      <SearchForm vault={vault} params={params} />
      {text !== '' && (
        <p class="soft" role="status">
          {found.isRunning ? 'Searching… ' : ''}
          {plural(found.hits.length, 'hit')} in {plural(found.searched, 'conversation')} searched
          {found.unsearched > 0 &&
            `; ${plural(found.unsearched, 'conversation')} with messages that are no text here`}
        </p>
      )}
      <Hits vault={vault} hits={found.hits} text={text} />
      {found.error && <Failure error={found.error} again={() => void run(nothing)} />}
      {!found.isRunning && found.next !== '' && (
        <button type="button" class="more" onClick={() => void run(found)}>
          Search on
        </button>
      )}
    </>
  );
}

function SearchForm({ vault, params }: { readonly vault: string; readonly params: URLSearchParams }) {
  const form = useRef<HTMLFormElement>(null);
  const submit = (event: Event): void => {
    event.preventDefault();
    const given = new FormData(form.current!);
    goTo('search', {
      vault,
      q: given.get('q') as string,
      case: given.has('case') ? 'exact' : '',
      words: given.has('words') ? 'whole' : '',
    });
  };
  return (
    <form ref={form} class="search" role="search" onSubmit={submit}>
      <label class="unseen" for="q">
        Text to look for
      </label>
      <input
        id="q"
        name="q"
        type="search"
        placeholder="Text in any message"
        defaultValue={params.get('q') ?? ''}
        spellcheck={false}
        required
      />
      <button type="submit">Search</button>
      <div class="search-options">
        <label>
          <input type="checkbox" name="case" defaultChecked={params.get('case') === 'exact'} /> Match case
        </label>
        <label>
          <input type="checkbox" name="words" defaultChecked={params.get('words') === 'whole'} /> Whole words
        </label>
      </div>
    </form>
  );
}

/** Extracts of one message that are shown; the hits in the others are counted. */
const perMessageMax = 3;

/** Hits, those of one conversation together. */
function Hits({
  vault,
  hits,
  text,
}: {
  readonly vault: string;
  readonly hits: readonly SearchHit[];
  readonly text: string;
}) {
  const byId = grouped(hits, (hit) => hit.conversation_id);
  return (
    <ol class="hits">
      {[...byId].map(([id, own]) => (
        <li key={id} class="card">
          <a class="id" href={hrefOf('conversation', { vault, id })}>
            {id}
          </a>
          <ul>
            {[...grouped(own, (hit) => hit.message_index)].map(([index, inMessage]) => (
              <li key={index}>
                <a class="hit" href={hrefOf('conversation', { vault, id, at: String(index) })}>
                  <span class="hit-head small soft">
                    <span class="hit-number">{index + 1}</span> <Role of={inMessage[0]!.role} />
                  </span>
                  <Extracts of={extractsOf(inMessage, [...text].length)} />
                </a>
              </li>
            ))}
          </ul>
        </li>
      ))}
    </ol>
  );
}

function grouped<K>(hits: readonly SearchHit[], keyOf: (hit: SearchHit) => K): Map<K, SearchHit[]> {
  const groups = new Map<K, SearchHit[]>();
  for (const hit of hits) {
    const group = groups.get(keyOf(hit));
    if (group) group.push(hit);
    else groups.set(keyOf(hit), [hit]);
  }
  return groups;
}

/** Parts of a message around the text that was looked for. */
function Extracts({ of }: { readonly of: readonly Extract[] }) {
  const left = of.slice(perMessageMax).reduce((sum, { hits }) => sum + hits, 0);
  return (
    <span>
      {of.slice(0, perMessageMax).map(({ from, pieces, isCutBefore, isCutBehind }) => (
        <span key={from} class="text" dir="auto">
          {isCutBefore && <span class="soft">…</span>}
          {pieces.map((piece, at) => (at % 2 === 1 ? <mark key={at}>{piece}</mark> : piece))}
          {isCutBehind && <span class="soft">…</span>}
        </span>
      ))}
      {left > 0 && <span class="small soft">and {count(left)} more in this message</span>}
    </span>
  );
}
