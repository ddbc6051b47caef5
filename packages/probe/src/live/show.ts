import type { ViewOptions } from '../cli/comparison.js';
import { COULD_NOT_TELL, EXIT } from '../exit.js';
import type { Job } from '../job.js';
import { conclusion, type End } from './conclusion.js';
import { openScreen } from './screen.js';
import { startWorker } from './worker.js';

/**
 * The terminal view of a comparison. This process only draws and hears the keyboard; another one compares. What takes time to load is
 * loaded there, or while there is something to see.
 *
 * @returns the exit code
 * @throws what ended the run, or the signal's reason
 */
export async function showLive(job: Job, options: ViewOptions, signal: AbortSignal): Promise<number> {
  const end = await show(job, options, signal);
  signal.throwIfAborted();
  if (end.failure) throw Object.assign(new Error(end.failure.message), { code: end.failure.code ?? undefined });
  process.stdout.write(conclusion(end));
  return end.report ? EXIT[end.report.verdict] : COULD_NOT_TELL;
}

async function show(job: Job, options: ViewOptions, signal: AbortSignal): Promise<End> {
  const { json: _, github: __, tui: ___, watch = false, ...outputs } = options;
  const worker = startWorker();
  try {
    worker.ask({ type: 'run', job, options: outputs, watch });
    const { columns = 80, rows = 24 } = process.stdout;
    const { firstPicture } = await load<typeof import('../tui/first.js')>('first');
    const screen = openScreen(firstPicture(job, watch, { columns, rows }));
    try {
      const { showTui } = await load<typeof import('../tui/main.js')>('main');
      return await showTui({ job, watch, worker, signal, screen });
    } finally {
      screen.close();
    }
  } finally {
    await worker.stop();
  }
}

/** A part of the terminal view, as it was bundled. */
async function load<T>(name: string): Promise<T> {
  const file = new URL(`../bundle/${name}.js`, import.meta.url);
  try {
    return await import(file.href);
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    const message = `The terminal view is not built: ${file.pathname} is missing. Run "npm run bundle", or add --no-tui.`;
    throw Object.assign(new Error(message), { code: 'not-built' });
  }
}
