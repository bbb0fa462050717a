import { useEffect, useRef, useState } from 'preact/hooks';
import { type ApiError, call, storedToken, storeToken, whenUnauthenticated } from './api.js';
import { Conversation } from './conversation.js';
import { Conversations } from './conversations.js';
import { useAsked } from './hooks.js';
import { Overview } from './overview.js';
import { Prompts } from './prompts.js';
import { goTo, hrefOf, type Route, useRoute, type View, views } from './route.js';
import { Search } from './search.js';
import { TokenForm } from './token-form.js';
import { Choice, Failure, Waiting } from './ui.js';
import { VaultView } from './vault.js';

const titles: Readonly<Record<View, string>> = {
  overview: 'Overview',
  conversations: 'Conversations',
  search: 'Search',
  prompts: 'Prompts',
  vault: 'Vault',
  conversation: 'Conversation',
  unknown: 'Nothing is here',
};

/** The page: its head, and the view of the place that it is at. */
export function App() {
  const route = useRoute();
  const [refusal, setRefusal] = useState<ApiError>();
  const [session, setSession] = useState(0);
  useEffect(() => whenUnauthenticated(setRefusal), []);
  const vaults = useAsked(`vaults ${session}`, async (signal) => {
    const { vaults } = await call('AdminService', 'ListVaults', { page_size: 1000 }, signal);
    return vaults.map(({ name }) => name);
  });
  const enter = (token: string | undefined): void => {
    storeToken(token);
    setRefusal(undefined);
    setSession(session + 1);
  };
  if (refusal)
    return <TokenForm refusal={storedToken() === undefined ? undefined : refusal} onToken={enter} />;
  const names = vaults.data ?? [];
  const vault = route.params.get('vault') ?? (names.includes('default') ? 'default' : (names[0] ?? ''));
  return (
    <>
      <a class="skip" href="#content" onClick={skip}>
        To the content
      </a>
      <Head
        route={route}
        vault={vault}
        vaults={names}
        onLeave={storedToken() === undefined ? undefined : () => enter(undefined)}
      />
      <main id="content" tabIndex={-1}>
        {vaults.error ? (
          <Failure error={vaults.error} again={vaults.again} />
        ) : vaults.data === undefined ? (
          <Waiting />
        ) : vault === '' ? (
          <p class="empty">There is no vault that you may see.</p>
        ) : (
          <Content key={`${vault} ${session}`} route={route} vault={vault} />
        )}
      </main>
    </>
  );
}

/** A link within the page would change the place. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById('content')?.focus();
}

function Head({
  route,
  vault,
  vaults,
  onLeave,
}: {
  readonly route: Route;
  readonly vault: string;
  readonly vaults: readonly string[];
  readonly onLeave: (() => void) | undefined;
}) {
  const current = route.view === 'conversation' ? 'conversations' : route.view;
  return (
    <header class="head">
      <a class="brand" href={hrefOf('overview', { vault })}>
        stowken
      </a>
      <nav aria-label="Views">
        {views.map((view) => (
          <a
            key={view}
            href={hrefOf(view, { vault })}
            {...(view === current && { 'aria-current': 'page' as const })}
          >
            {titles[view]}
          </a>
        ))}
      </nav>
      <div class="head-end">
        {vaults.length > 1 && (
          <Choice
            label="Vault"
            value={vault}
            values={vaults.map((name) => [name, name])}
            onChoose={(name) => goTo(current === 'unknown' ? 'overview' : current, { vault: name })}
          />
        )}
        {onLeave && (
          <button type="button" class="quiet" onClick={onLeave}>
            Forget token
          </button>
        )}
      </div>
    </header>
  );
}

function Content({ route, vault }: { readonly route: Route; readonly vault: string }) {
  const { view, params } = route;
  const title = useRef<HTMLHeadingElement>(null);
  const isFirst = useRef(true);
  const id = params.get('id') ?? '';
  useEffect(() => {
    document.title = `${view === 'conversation' ? id : titles[view]} · stowken`;
    // Readers with a keyboard, or by ear, go on at the beginning of the new view.
    if (!isFirst.current) title.current?.focus();
    isFirst.current = false;
    scrollTo(0, 0);
  }, [view, id]);
  return (
    <>
      <h1 ref={title} tabIndex={-1} class={view === 'overview' ? 'unseen' : ''}>
        {view === 'conversation' ? <span class="id">{id}</span> : titles[view]}
      </h1>
      <ViewOf view={view} params={params} vault={vault} />
    </>
  );
}

function ViewOf({ view, params, vault }: Route & { readonly vault: string }) {
  switch (view) {
    case 'overview':
      return <Overview vault={vault} params={params} />;
    case 'conversations':
      return <Conversations vault={vault} params={params} />;
    case 'conversation':
      return <Conversation key={params.get('id') ?? ''} vault={vault} params={params} />;
    case 'search':
      return <Search vault={vault} params={params} />;
    case 'prompts':
      return <Prompts vault={vault} params={params} />;
    case 'vault':
      return <VaultView vault={vault} />;
    case 'unknown':
      return <Unknown vault={vault} />;
  }
}

/** The address names no view: it was mistyped, or cut off. */
function Unknown({ vault }: { readonly vault: string }) {
  return (
    <p class="empty">
      The page has no such address. <a href={hrefOf('overview', { vault })}>Overview</a> of the vault{' '}
      <span class="id">{vault}</span>.
    </p>
  );
}
