import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, type StowkenClient } from '../../src/client/index.js';
import { type StowkenProcess, startStowken } from '../support/process.js';
import { sampleOr } from '../support/sample.js';
import { stowken } from '../cli/support/stowken.js';

const candidates = [
  process.env['STOWKEN_TEST_BROWSER'] ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];
const browserFile = candidates.find((file) => file !== '' && existsSync(file));
const suite = browserFile === undefined ? 'the page (skipped: there is no Chromium here)' : 'the page';

const sizes = {
  phone: { width: 390, height: 844, hasTouch: true, isMobile: true },
  desk: { width: 1280, height: 900 },
};
const views = [
  'overview',
  'conversations',
  'search?q=parcel',
  'prompts',
  'vault',
  'conversation?id=call%2F3',
  'conversation?id=picture',
  'nowhere',
];
const hostile = '<img src=x onerror="window.broken=1">';
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

describe.skipIf(browserFile === undefined)(suite, () => {
  const folder = mkdtempSync(join(tmpdir(), 'stowken-browser-'));
  let browser: Browser;
  let server: StowkenProcess;
  let client: StowkenClient;
  /** Whatever the browser complained of. */
  const complaints: string[] = [];

  beforeAll(async () => {
    server = await startStowken('--data', join(folder, 'data'), '--http', '0');
    client = connect({ server: server.address });
    await client.admin.updateVault('default', { settings: { labels: ['user'] } });
    for (let n = 0; n < 60; n += 1)
      await client.store({
        conversation: {
          id: `call/${n}`,
          application: 'post-office',
          model: ['gpt-4o', 'claude', hostile][n % 3]!,
          tokenizer: 'o200k_base',
          createTimeMs: Date.now() - (n % 20) * 86_400_000,
          metadata: { user: `u${n % 4}`, note: hostile },
        },
        messages: [
          { role: 'system', text: 'You help people with their parcels, politely. '.repeat(20) },
          { role: 'user', text: `Where is my parcel ${n}? 包裹在哪里 🎉 ${hostile}` },
          { role: 'assistant', text: `It is on its way. ${'More about it. '.repeat(n * 10)}` },
        ],
      });
    await client.store({
      conversation: { id: 'picture' },
      messages: [
        {
          role: 'user',
          tokens: [1],
          attachments: [Buffer.alloc(2048, 7)],
          fieldsJson: JSON.stringify({ kind: 'photo' }),
        },
      ],
    });
    for (const id of ['fork/a', 'fork/b']) await client.fork('call/3', { newId: id });
    browser = await puppeteer.launch({
      executablePath: browserFile!,
      args: ['--no-sandbox', '--disable-dev-shm-usage'],
      protocolTimeout: 0,
    });
  });
  afterAll(async () => {
    await browser.close();
    client.close();
    expect(await server.kill('SIGTERM')).toBe(0);
    rmSync(folder, { recursive: true });
    expect(complaints).toEqual([]);
  });

  /** Opens a page whose waits end with what they wait for. */
  async function newPage(): Promise<Page> {
    const page = await browser.newPage();
    page.setDefaultTimeout(0);
    return page;
  }

  async function open(
    place: string,
    { size = 'desk', colours = 'light' }: { size?: keyof typeof sizes; colours?: string } = {},
  ): Promise<Page> {
    const page = await newPage();
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('requestfailed', (request) => {
      // A view that is left cancels what it asked for.
      if (request.failure()?.errorText !== 'net::ERR_ABORTED') complaints.push(request.url());
    });
    page.on('request', (request) => {
      const { origin } = new URL(server.page);
      if (!request.url().startsWith(`${origin}/`) && !request.url().startsWith('data:'))
        complaints.push(`asked for ${request.url()}`);
    });
    await page.setViewport(sizes[size]);
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: colours }]);
    await page.goto(`${server.page}#/${place}`);
    await settled(page);
    return page;
  }

  /** Resolves when the page waits for nothing. */
  async function settled(page: Page): Promise<void> {
    await page.waitForFunction(
      `document.querySelector('main') !== null && document.querySelector('.waiting, .renewed') === null &&
       !document.body.innerText.includes('Searching…') && ![...document.querySelectorAll('.message > p')].some((p) => p.innerText === '…')`,
      { polling: 50 },
    );
  }

  const textOf = (page: Page): Promise<string> => page.evaluate('document.body.innerText') as Promise<string>;

  const textsOf = (page: Page, selector: string): Promise<string[]> =>
    page.evaluate(
      `Array.from(document.querySelectorAll('${selector}'), (each) => each.textContent)`,
    ) as Promise<string[]>;

  // Each size and each colour in the gate, each size in each colour with STOWKEN_TEST_ALL.
  const looks = [
    ['light', 'desk'],
    ['dark', 'phone'],
    ['light', 'phone'],
    ['dark', 'desk'],
  ] as const;

  it.each(looks.slice(0, sampleOr(2, 4)))(
    'is accessible in %s colours, fits a %s, and takes content for text wherever it shows it',
    async (colours, size) => {
      for (const view of views) {
        const page = await open(view, { size, colours });
        expect(await page.evaluate('window.broken'), view).toBeUndefined();
        expect(await page.$$eval('img', (found) => found.length), view).toBe(0);
        const width = await page.evaluate('document.documentElement.scrollWidth');
        expect(width, view).toBeLessThanOrEqual(sizes[size].width);
        // Evaluated beside the page, whose policy lets in no other script.
        await page.evaluate(axe);
        const found = (await page.evaluate('axe.run(document, { resultTypes: ["violations"] })')) as {
          violations: { id: string; nodes: { html: string }[] }[];
        };
        const violations = found.violations.map(({ id, nodes }) => [
          id,
          ...nodes.slice(0, 3).map(({ html }) => html),
        ]);
        expect(violations, view).toEqual([]);
        await page.close();
      }
    },
  );

  it('shows what is stored, how much smaller, and its use', async () => {
    const page = await open('overview');
    const text = await textOf(page);
    expect(text).toContain('63 conversations');
    for (const words of [
      'Where the savings come from',
      'Deduplicated',
      'Usage',
      'gpt-4o',
      'claude',
      'Most shared',
    ])
      expect(text).toContain(words);
    // The most shared messages are asked for when their place is seen.
    expect(text).not.toContain('You help people with their parcels');
    await page.evaluate('scrollTo(0, document.body.scrollHeight)');
    await page.waitForSelector('.card');
    expect(await textOf(page)).toContain('You help people with their parcels');
    expect(await page.$$eval('.chart canvas', (found) => found.length)).toBe(1);
    await page.select('.choice select', 'conversations');
    await page.select('.choice:nth-child(2) select', 'user');
    await settled(page);
    expect(await textOf(page)).toContain('u3');
    await page.close();
  });

  it('is used by keyboard: a search is typed, a conversation opened, its tokens shown', async () => {
    const page = await open('overview');
    const focused = () => page.evaluate('document.activeElement.innerText') as Promise<string>;
    const tabTo = async (words: string): Promise<void> => {
      for (let n = 0; n < 60; n += 1) {
        await page.keyboard.press('Tab');
        if ((await focused()).trim() === words) return;
      }
      throw new Error(`the keyboard does not come to ${words}`);
    };
    await tabTo('Search');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#q');
    expect(await focused()).toBe('Search');
    await page.keyboard.press('Tab');
    await page.keyboard.type('PARCEL 7? 包裹');
    await page.keyboard.press('Enter');
    await page.waitForSelector('mark');
    await settled(page);
    expect(await textsOf(page, 'mark')).toEqual(['parcel 7? 包裹']);
    await tabTo('call/7');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.message');
    await settled(page);
    expect(await focused()).toBe('call/7');
    const text = await textOf(page);
    expect(text).toContain('Where is my parcel 7? 包裹在哪里 🎉 <img src=x onerror="window.broken=1">');
    expect(text).toMatch(/assistant\s+216 tokens|tokens/);
    for (let n = 0; n < 20; n += 1) {
      await page.keyboard.press('Tab');
      if (await page.evaluate('document.activeElement.type === "checkbox"')) break;
    }
    await page.keyboard.press('Space');
    await page.waitForSelector('.tokens');
    const pieces = '.message:nth-of-type(2) .tokens > span';
    expect((await textsOf(page, pieces)).join('')).toBe(`Where is my parcel 7? 包裹在哪里 🎉 ${hostile}`);
    expect((await textsOf(page, pieces))[0]).toBe('Where');
    expect(await page.evaluate(`document.querySelector('${pieces}').title`)).toMatch(/^\d+$/);
    await page.goBack();
    await page.waitForSelector('mark');
    await page.close();
  });

  it('shows a family, and conversations that match a filter', async () => {
    const page = await open('conversation?id=fork%2Fa');
    const tree = await textsOf(page, '.tree .id');
    expect(tree).toEqual(['call/3', 'fork/a', 'fork/b']);
    await page.goto(`${server.page}#/conversations?model=claude&label=user%3Du1`);
    await page.waitForSelector('.list');
    await page.waitForFunction('document.body.innerText.includes("5 found")');
    await page.type('input[name=prefix]', 'call/1');
    await page.keyboard.press('Enter');
    await page.waitForFunction('document.body.innerText.includes("2 found")');
    await page.close();
  });

  it('shows the work that is under way, and its end', async () => {
    const page = await open('overview');
    // Real work on so small a vault ends before it is seen.
    let work: object[] = [{ task: 'compaction', start_time: new Date().toISOString() }];
    await page.setRequestInterception(true);
    page.on('request', (request) => {
      if (!request.url().endsWith('/GetVault')) return void request.continue();
      const body = JSON.stringify({ vault: { name: 'default', settings: null, work } });
      void request.respond({ contentType: 'application/json', body });
    });
    await page.goto(`${server.page}#/vault`);
    await page.waitForFunction('/Compaction\\s+since/.test(document.body.innerText)');
    work = [];
    await page.waitForFunction('/Under way\\s+nothing/.test(document.body.innerText)');
    await page.close();
  });

  it('shows the attachments and the fields of a message', async () => {
    const page = await open('conversation?id=picture');
    const text = await textOf(page);
    expect(text).toMatch(/Attachment of 2\.05 kB, SHA-256 [0-9a-f]{64}/);
    await page.click('summary');
    await page.waitForFunction('document.body.innerText.includes("photo")');
    await page.close();
  });

  it('says that an address is none of its own, and looks at the audit log when asked', async () => {
    const page = await open('nowhere');
    expect(await textOf(page)).toContain('The page has no such address.');
    await page.goto(`${server.page}#/vault`);
    await settled(page);
    const looks = async () => {
      let seen = 0;
      for await (const { method } of client.admin.listAuditEvents())
        if (method === 'AdminService.ListAuditEvents') seen += 1;
      return seen;
    };
    // Each of these looks is an event itself.
    const before = await looks();
    await settled(page);
    expect(await looks()).toBe(before + 1);
    await page.close();
  });

  it('asks for the token of the caller once, and forgets it with the tab', async () => {
    const file = join(folder, 'tokens.yaml');
    const made = await stowken(['token', 'create', '--file', file, '--name', 'me', '--rights', 'read']);
    const token = made.stdout.trim();
    const asking = await startStowken('--storage', 'memory', '--http', '0', '--token-file', file);
    try {
      const page = await newPage();
      await page.goto(asking.page);
      await page.waitForSelector('#token');
      await page.type('#token', 'wrong');
      await page.keyboard.press('Enter');
      await page.waitForSelector('.failure');
      await page.type('#token', token);
      await page.keyboard.press('Enter');
      await page.waitForSelector('.empty');
      expect(await textOf(page)).toContain('This vault is empty');
      await page.reload();
      await page.waitForSelector('.empty');
      expect(await page.evaluate('document.cookie + JSON.stringify(localStorage)')).toBe('{}');
      const other = await newPage();
      await other.goto(asking.page);
      await other.waitForSelector('#token');
      await Promise.all([page.close(), other.close()]);
    } finally {
      expect(await asking.kill('SIGTERM')).toBe(0);
    }
  });
});
