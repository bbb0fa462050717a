import { useRef } from 'preact/hooks';
import type { ApiError } from './api.js';

/** Asks for the token of the caller. */
export function TokenForm({
  refusal,
  onToken,
}: {
  /** Refusal of the token that was given before. */
  readonly refusal: ApiError | undefined;
  readonly onToken: (token: string) => void;
}) {
  const input = useRef<HTMLInputElement>(null);
  const submit = (event: Event): void => {
    event.preventDefault();
    const token = input.current?.value.trim() ?? '';
    if (token !== '') onToken(token);
  };
  return (
    <main class="gate">
      <h1>stowken</h1>
      <p>This server asks who you are. Your token is kept until this tab is closed, and sent nowhere else.</p>
      {refusal && (
        <p class="failure" role="alert">
          {refusal.message}
        </p>
      )}
      <form onSubmit={submit}>
        <label for="token">Token</label>
        <input
          ref={input}
          id="token"
          type="password"
          autocomplete="off"
          spellcheck={false}
          required
          autofocus
        />
        <button type="submit">Open</button>
      </form>
    </main>
  );
}
