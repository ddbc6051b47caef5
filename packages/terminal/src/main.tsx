import type { Job } from '@llama-probe/comparison/ask';
import { render } from 'ink';
import type { End } from './conclusion.js';
import { Frame } from './frame.js';
import { depthOf, painter } from './paint.js';
import type { Screen } from './screen.js';
import { begin, type Effect, endOf } from './state.js';
import { createStore } from './store.js';
import { App } from './views/app.js';
import type { Worker } from './worker/worker.js';

const TICK = 100; // ms

/** What is shown, and what it is shown with. */
interface ViewInput {
  readonly job: Job;
  readonly watch: boolean;
  readonly worker: Worker;
  readonly signal: AbortSignal;
  readonly screen: Screen;
}

/** Shows a comparison until it is left. @throws what Ink cannot draw */
export async function showTui({ job, watch, worker, signal, screen }: ViewInput): Promise<End> {
  const { stdout } = process;
  const frame = new Frame(stdout, painter(depthOf(process.env)));
  const ink: { current?: ReturnType<typeof render> } = {};
  const perform = (effect: Effect) => {
    if (effect.type === 'quit') ink.current?.unmount();
    else if (effect.type === 'suspend') screen.suspend();
    else if (effect.type === 'redraw') redraw();
    else worker.ask(effect);
  };
  const store = createStore(begin(job, watch, frame.size, performance.now()), perform);
  const redraw = () => {
    frame.forget();
    store.send({ type: 'size', size: frame.size });
  };
  screen.listen({
    suspended: () => frame.pause(),
    resumed() {
      frame.resume();
      redraw();
    },
  });
  ink.current = render(<App store={store} frame={frame} />, {
    stdout: frame as unknown as NodeJS.WriteStream,
    debug: true, // Ink hands on every picture whole and at once: the store decides when to draw
    exitOnCtrlC: false,
    patchConsole: false,
  });
  const leave = () => ink.current?.unmount();
  signal.addEventListener('abort', leave, { once: true });
  stdout.on('resize', redraw);
  const timer = setInterval(() => {
    const { report, failure } = store.latest();
    if (!report && !failure) store.send({ type: 'tick', now: performance.now() });
  }, TICK);
  worker.listen((news) => store.send({ type: 'news', news }));
  if (signal.aborted) leave();
  try {
    await ink.current.waitUntilExit();
  } finally {
    clearInterval(timer);
    stdout.off('resize', redraw);
    signal.removeEventListener('abort', leave);
  }
  return endOf(store.latest());
}
