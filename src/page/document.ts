import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** The page, and the headers that it is sent with. */
export interface PageDocument {
  readonly html: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** Headers of all that the page's port answers. */
export const commonHeaders = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
} as const;

/**
 * Reads the page that the build made. Its policy allows the one script and the one style that are in it, by
 * their hashes, and calls to the server that it came from. Text can never become markup: the browser refuses
 * each assignment of markup by a script.
 */
export function readPage(): PageDocument {
  const html = readFileSync(createRequire(import.meta.url).resolve('#build/page.html'));
  const text = html.toString();
  const policy = [
    "default-src 'none'",
    `script-src ${hashesOf(text, 'script')}`,
    `style-src ${hashesOf(text, 'style')}`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ];
  return {
    html,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': policy.join('; '),
      'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
      'cache-control': 'no-cache',
      etag: `"${sha256(html)}"`,
    },
  };
}

function hashesOf(html: string, element: 'script' | 'style'): string {
  const found = html.matchAll(new RegExp(`<${element}[^>]*>(.*?)</${element}>`, 'gs'));
  return Array.from(found, ([, content]) => `'sha256-${sha256(content!)}'`).join(' ');
}

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('base64');
}
