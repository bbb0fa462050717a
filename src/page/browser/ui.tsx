import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ApiError } from './api.js';
import type { Asked } from './hooks.js';

/** Small parts that all views share. */

/** Reasons that another try does not change. */
const lasting: readonly string[] = ['UNSUPPORTED_BY_STORAGE', 'PERMISSION_DENIED', 'AUDIT_LOG_OFF'];

/** Shows the failure of a call, and a way to try it again where that may help. */
export function Failure({ error, again }: { readonly error: ApiError; readonly again?: () => void }) {
  return (
    <div class="failure" role="alert">
      <p>{error.message || 'The call failed.'}</p>
      {error.reason && <p class="soft small">{error.reason}</p>}
      {again && !lasting.includes(error.reason) && (
        <button type="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}

/** Shows what was asked for, once it is there; meanwhile that it comes, or why it does not. */
export function Loaded<T>({
  asked,
  children,
}: {
  readonly asked: Asked<T> & { readonly again?: () => void };
  readonly children: (data: T) => ComponentChildren;
}) {
  const { data, error, isLoading, again } = asked;
  if (error) return <Failure error={error} {...(again && { again })} />;
  if (data === undefined) return isLoading ? <Waiting /> : null;
  return <div class={isLoading ? 'renewed' : ''}>{children(data)}</div>;
}

export function Waiting() {
  return (
    <p class="waiting soft" role="status">
      Loading…
    </p>
  );
}

/** Content that costs the server much: it is asked for when its place comes into sight. */
export function WhenSeen({ children }: { readonly children: ComponentChildren }) {
  const place = useRef<HTMLDivElement>(null);
  const [isSeen, setSeen] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver((entries) => {
      if (entries.some(({ isIntersecting }) => isIntersecting)) setSeen(true);
    });
    observer.observe(place.current!);
    return () => observer.disconnect();
  }, []);
  return (
    <div ref={place} class="place">
      {isSeen && children}
    </div>
  );
}

export function Section({
  title,
  aside,
  children,
}: {
  readonly title: string;
  readonly aside?: ComponentChildren;
  readonly children: ComponentChildren;
}) {
  return (
    <section>
      <header class="section-head">
        <h2>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}

/** Facts by name; those without a value are left out. */
export function Facts({ of: facts }: { readonly of: readonly (readonly [string, ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {facts
        .filter(([, value]) => value !== undefined && value !== '')
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

/** A choice of few values, one of which holds. */
export function Choice<T extends string>({
  label,
  value,
  values,
  onChoose,
}: {
  readonly label: string;
  readonly value: T;
  readonly values: readonly (readonly [T, string])[];
  readonly onChoose: (value: T) => void;
}) {
  return (
    <label class="choice">
      <span>{label}</span>
      <select value={value} onChange={(event) => onChoose(event.currentTarget.value as T)}>
        {values.map(([each, words]) => (
          <option key={each} value={each}>
            {words}
          </option>
        ))}
      </select>
    </label>
  );
}

/** A role of a message, with its colour. */
export function Role({ of: role }: { readonly of: string }) {
  return <span class={`role role-${roleGroup(role)}`}>{role || 'no role'}</span>;
}

/** Group of roles that have one colour. */
export function roleGroup(role: string): 'system' | 'user' | 'assistant' | 'tool' {
  switch (role) {
    case 'system':
    case 'developer':
      return 'system';
    case 'assistant':
      return 'assistant';
    case 'tool':
    case 'function':
      return 'tool';
    default:
      return 'user';
  }
}

/** A table that scrolls by itself where it is wider than the screen. */
export function Table({
  label,
  head,
  children,
}: {
  readonly label: string;
  /** Titles of the columns; those that begin with "#" have numbers. */
  readonly head: readonly string[];
  readonly children: ComponentChildren;
}) {
  return (
    <div class="table" tabIndex={0} role="region" aria-label={label}>
      <table>
        <thead>
          <tr>
            {head.map((title) => (
              <th key={title} scope="col" class={title.startsWith('#') ? 'number' : ''}>
                {title.replace('#', '')}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

export function More({
  more,
  isLoading,
  noun,
}: {
  readonly more: (() => void) | undefined;
  readonly isLoading: boolean;
  readonly noun: string;
}) {
  if (isLoading) return <Waiting />;
  return more ? (
    <button type="button" class="more" onClick={more}>
      More {noun}
    </button>
  ) : null;
}
