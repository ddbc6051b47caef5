import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page, type ViewportSize } from 'playwright-core';

/** Debian's headless shell first: the same pages take it half the time of the whole browser. */
const NAMES = ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome'];

/** The Chromium that tests of the report page drive; undefined where there is none. */
export function findChromium(): string | undefined {
  const named = process.env.LLAMA_PROBE_CHROMIUM;
  if (named) {
    if (!existsSync(named)) throw new Error(`LLAMA_PROBE_CHROMIUM names ${named}, which does not exist.`);
    return named;
  }
  const folders = (process.env.PATH ?? '').split(delimiter);
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find(works);
}

/** Ubuntu has a script of that name that only says what to install. */
function works(path: string): boolean {
  if (!existsSync(path)) return false;
  try {
    execFileSync(path, ['--version'], { stdio: 'ignore', timeout: 20_000 });
    return true;
  } catch {
    return false;
  }
}

export const openBrowser = (executablePath: string): Promise<Browser> =>
  chromium.launch({ executablePath, args: ['--disable-gpu', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])] });

/** A page from disk, and what went wrong with it. */
export interface Opened {
  readonly page: Page;
  /** Errors of scripts, whatever the console was told, and requests for anything but the file. */
  readonly complaints: string[];
}

interface Opening {
  readonly hash?: string;
  readonly colorScheme?: 'light' | 'dark';
  readonly viewport?: ViewportSize;
  /** A context of its own, such as this: for what stays with a context. */
  readonly context?: BrowserContextOptions;
}

/** A browser's page that one file after another is shown in: another one takes a process, which reads the page's scripts anew. */
const kept = new WeakMap<Browser, Page>();

/** Opens a file in a browser without a network. The page is the next one's too, unless it has a context of its own. */
export async function openFile(
  browser: Browser,
  path: string,
  { hash = '', colorScheme = 'light', viewport = { width: 1280, height: 900 }, context }: Opening = {},
): Promise<Opened> {
  let page = context ? undefined : kept.get(browser);
  if (!page || page.isClosed()) {
    page = await (await browser.newContext({ offline: true, ...context })).newPage();
    if (!context) kept.set(browser, page);
  }
  await page.goto('about:blank');
  page.removeAllListeners();
  await page.setViewportSize(viewport);
  await page.emulateMedia({ media: null, colorScheme });
  const url = pathToFileURL(path).href;
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => complaints.push(message.text()));
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    if (request.url().split('#')[0] !== url) complaints.push(`request: ${request.url()}`);
  });
  await page.goto(url + hash);
  await page.waitForSelector('main, .empty');
  return { page, complaints };
}

/** Closes the contexts that tests had for themselves. */
export async function closeOwn(browser: Browser): Promise<void> {
  const shared = kept.get(browser)?.context();
  for (const context of browser.contexts()) if (context !== shared) await context.close();
}
