import type { Job } from '@llama-probe/comparison/ask';
import type { OutputOptions } from '@llama-probe/report';
import type { End } from './conclusion.js';
import { openScreen } from './screen.js';
import { startWorker } from './worker/worker.js';

/**
 * The terminal view of a comparison. This process only draws and hears the keyboard; another one compares. What takes time to load or to
 * start is loaded there, or while there is something to see.
 *
 * @param outputs what is written of each run
 * @param watch runs again whenever what was compared changes
 */
export async function showLive(
  job: Job,
  { outputs, watch }: { readonly outputs: OutputOptions; readonly watch: boolean },
  signal: AbortSignal,
): Promise<End> {
  const { columns = 80, rows = 24 } = process.stdout;
  const { firstPicture } = await load<typeof import('./first.js')>('first');
  const screen = openScreen(firstPicture(job, watch, { columns, rows }));
  const worker = startWorker();
  try {
    worker.ask({ type: 'run', job, options: outputs, watch });
    const { showTui } = await load<typeof import('./main.js')>('main');
    return await showTui({ job, watch, worker, signal, screen });
  } finally {
    screen.close();
    await worker.stop();
  }
}

/** A part of the terminal view, as it was bundled. */
async function load<T>(name: string): Promise<T> {
  const file = new URL(`./bundle/${name}.js`, import.meta.url);
  try {
    return await import(file.href);
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    const message = `The terminal view is not built: ${file.pathname} is missing. Run "npm run bundle", or add --no-tui.`;
    throw Object.assign(new Error(message), { code: 'not-built' });
  }
}
