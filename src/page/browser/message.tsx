import { useState } from 'preact/hooks';
import type { MessageInfo } from './generated/responses.js';
import { bytes, count, plural } from './format.js';
import { Uses } from './prompts.js';
import type { Content } from './read-messages.js';
import type { Piece } from './tokens.js';
import { Role } from './ui.js';

/** Characters, and tokens, of a message that are shown until somebody wants all of it. */
const charactersMax = 4000;
const piecesMax = 1500;

/** A message: its author, its text, and how its tokens lie in it. */
export function Message({
  vault,
  index,
  info,
  content,
  showsTokens,
}: {
  readonly vault: string;
  readonly index: number;
  readonly info: MessageInfo;
  /** Undefined until it is read. */
  readonly content: Content | undefined;
  readonly showsTokens: boolean;
}) {
  const [isWhole, setWhole] = useState(false);
  const [showsUses, setShowsUses] = useState(false);
  const [segment] = info.segments;
  const titleId = `message-${index}`;
  return (
    <article class="message" aria-labelledby={titleId}>
      <header>
        <h3 id={titleId} tabIndex={-1}>
          <span class="message-number soft">{index + 1}</span> <Role of={info.role} />
          {info.name !== '' && <span class="message-name">{info.name}</span>}
        </h3>
        <span class="soft small">
          {info.tool_call_id !== '' && <span class="id">{info.tool_call_id} · </span>}
          {plural(info.token_count, 'token')}
        </span>
      </header>
      {content === undefined ? (
        <p class="soft">…</p>
      ) : (
        <Body content={content} showsTokens={showsTokens} isWhole={isWhole} onWhole={() => setWhole(true)} />
      )}
      {content?.isReplaced && <p class="small soft">Bytes that are no UTF-8 are shown as �.</p>}
      {content && <Besides content={content} />}
      {info.segments.length === 1 && (
        <button
          type="button"
          class="link small"
          aria-expanded={showsUses}
          onClick={() => setShowsUses(!showsUses)}
        >
          {showsUses ? 'Hide conversations' : 'Conversations with this message'}
        </button>
      )}
      {showsUses && segment && <Uses vault={vault} hash={segment.hash} />}
    </article>
  );
}

/** Attachments of a message, and its fields as they came. */
function Besides({ content: { attachments, fields } }: { readonly content: Content }) {
  return (
    <>
      {attachments.length > 0 && (
        <ul class="small" aria-label="Attachments">
          {attachments.map(({ sha256, size_bytes }, index) => (
            <li key={index}>
              Attachment of {bytes(size_bytes)}, SHA-256 <span class="id">{sha256}</span>
            </li>
          ))}
        </ul>
      )}
      {fields !== '' && (
        <details class="small">
          <summary>Fields</summary>
          <p class="text">{fields.length > charactersMax ? `${cut(fields)} …` : fields}</p>
        </details>
      )}
    </>
  );
}

function Body({
  content: { text, pieces },
  showsTokens,
  isWhole,
  onWhole,
}: {
  readonly content: Content;
  readonly showsTokens: boolean;
  readonly isWhole: boolean;
  readonly onWhole: () => void;
}) {
  if (pieces && (showsTokens || text === undefined)) {
    const shown = isWhole ? pieces : pieces.slice(0, piecesMax);
    return (
      <>
        <p class={`text tokens ${text === undefined ? 'ids' : ''}`} dir="auto">
          {shown.map((piece, index) => (
            <TokenSpan key={index} piece={piece} />
          ))}
        </p>
        {shown.length < pieces.length && <All what={`${count(pieces.length)} tokens`} onWhole={onWhole} />}
      </>
    );
  }
  const all = text ?? '';
  const shown = isWhole || all.length <= charactersMax ? all : cut(all);
  return (
    <>
      {all === '' ? (
        <p class="soft">Empty.</p>
      ) : (
        <p class="text" dir="auto">
          {shown}
          {shown.length < all.length && <span class="soft">…</span>}
        </p>
      )}
      {shown.length < all.length && <All what={`${count(all.length)} characters`} onWhole={onWhole} />}
    </>
  );
}

/** Returns the beginning of a text, which does not end within a character. */
function cut(text: string): string {
  const isSplit = /[\uD800-\uDBFF]/.test(text[charactersMax - 1]!);
  return text.slice(0, isSplit ? charactersMax - 1 : charactersMax);
}

function TokenSpan({ piece: { text, ids } }: { readonly piece: Piece }) {
  const words = ids.join(' ');
  return text === '' ? <span>{words} </span> : <span title={words}>{text}</span>;
}

function All({ what, onWhole }: { readonly what: string; readonly onWhole: () => void }) {
  return (
    <button type="button" class="more" onClick={onWhole}>
      Show all {what}
    </button>
  );
}
