import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { ApiError } from './api.js';

/** State of something that is asked for. The last answer stays while the next one comes. */
export interface Asked<T> {
  readonly data: T | undefined;
  readonly error: ApiError | undefined;
  readonly isLoading: boolean;
}

/** Asks again whenever `key` changes; what was asked for before is cancelled. */
export function useAsked<T>(
  key: string,
  ask: (signal: AbortSignal) => Promise<T>,
): Asked<T> & { readonly again: () => void } {
  const [state, setState] = useState<Asked<T> & { readonly key: string }>({
    key,
    data: undefined,
    error: undefined,
    isLoading: true,
  });
  const [round, setRound] = useState(0);
  const asking = useRef(ask);
  asking.current = ask;
  useEffect(() => {
    const abort = new AbortController();
    setState(({ data }) => ({ key, data, error: undefined, isLoading: true }));
    asking.current(abort.signal).then(
      (data) => abort.signal.aborted || setState({ key, data, error: undefined, isLoading: false }),
      (error: ApiError) =>
        abort.signal.aborted || setState({ key, data: undefined, error, isLoading: false }),
    );
    return () => abort.abort();
  }, [key, round]);
  // Until the effect has run, the state is that of the former key.
  const current = state.key === key ? state : { ...state, error: undefined, isLoading: true };
  return { ...current, again: () => setRound((last) => last + 1) };
}

/** Does something again and again, while the page can be seen. */
export function useEvery(ms: number, act: () => void): void {
  const acting = useRef(act);
  acting.current = act;
  useEffect(() => {
    const timer = setInterval(() => document.hidden || acting.current(), ms);
    return () => clearInterval(timer);
  }, [ms]);
}

/** Items that come in pages. */
export interface Paged<T> extends Asked<readonly T[]> {
  /** Asks for the next page; undefined if there is none. */
  readonly more: (() => void) | undefined;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Token of the next page; empty if this is the last one. */
  readonly next: string;
}

/** Asks for the first page whenever `key` changes, and for others when the user wants them. */
export function usePages<T>(
  key: string,
  ask: (token: string, signal: AbortSignal) => Promise<Page<T>>,
): Paged<T> {
  const empty = { data: undefined, error: undefined, isLoading: true, next: '' };
  const [state, setState] = useState<Asked<readonly T[]> & { readonly next: string }>(empty);
  const asking = useRef(ask);
  asking.current = ask;
  const current = useRef<AbortController>(undefined);
  const fetchPage = useCallback((token: string, before: readonly T[] | undefined) => {
    current.current?.abort();
    const abort = (current.current = new AbortController());
    setState((last) => ({ ...last, data: before, error: undefined, isLoading: true, next: '' }));
    asking.current(token, abort.signal).then(
      ({ items, next }) =>
        abort.signal.aborted ||
        setState({ data: [...(before ?? []), ...items], error: undefined, isLoading: false, next }),
      (error: ApiError) =>
        abort.signal.aborted || setState({ data: before, error, isLoading: false, next: token }),
    );
  }, []);
  useEffect(() => {
    fetchPage('', undefined);
    return () => current.current?.abort();
  }, [key]);
  const { next, data, ...rest } = state;
  return { ...rest, data, more: next === '' ? undefined : () => fetchPage(next, data) };
}

/** True while the browser prefers dark colours. */
export function usePrefersDark(): boolean {
  const [isDark, setDark] = useState(() => matchMedia('(prefers-color-scheme: dark)').matches);
  useEffect(() => {
    const media = matchMedia('(prefers-color-scheme: dark)');
    const changed = (): void => setDark(media.matches);
    media.addEventListener('change', changed);
    return () => media.removeEventListener('change', changed);
  }, []);
  return isDark;
}
