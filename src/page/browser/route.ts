import { useEffect, useState } from 'preact/hooks';

/** Views of the page, in the order of its menu. */
export const views = ['overview', 'conversations', 'search', 'prompts', 'vault'] as const;
export type View = (typeof views)[number] | 'conversation' | 'unknown';

/** Place in the page: "#/conversations?model=x". A link to it, and the way back, need nothing else. */
export interface Route {
  readonly view: View;
  readonly params: URLSearchParams;
}

function readRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split(/\?(.*)/s, 2);
  const known = path === 'conversation' || (views as readonly string[]).includes(path);
  const view = known ? (path as View) : path === '' ? 'overview' : 'unknown';
  return { view, params: new URLSearchParams(query) };
}

/** Returns the address of a place; parameters that are empty are left out. */
export function hrefOf(view: View, params: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(params).filter((entry): entry is [string, string] => Boolean(entry[1]));
  const query = new URLSearchParams(given).toString();
  return `#/${view}${query && `?${query}`}`;
}

export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const changed = (): void => setHash(location.hash);
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return readRoute(hash);
}

/** Goes to a place. */
export function goTo(view: View, params: Readonly<Record<string, string | undefined>>): void {
  location.hash = hrefOf(view, params);
}
