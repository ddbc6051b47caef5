import { performance } from 'node:perf_hooks';

/** At most so long at a time, in milliseconds, and such a part of what has been waited for already: so much later than it could it goes on. */
const [LONGEST, SHARE] = [1, 1 / 32];
/** Of less the system makes twice as much: it wakes a thread up to 0.06 ms late. */
const SHORTEST = 0.05;

const nothing = new Int32Array(new SharedArrayBuffer(4));

/**
 * A promise of a device, waited for without taking a core. As long as one is open, Dawn looks for it in each turn of Node's event loop and lets no turn
 * end in sleep: this thread takes a core all the while, one of those that a CPU adapter, or llama.cpp beside a GPU, computes with. So here it sleeps
 * between turns in which nothing else has happened.
 *
 * @example await patiently(device.queue.onSubmittedWorkDone())
 */
export function patiently<T>(promise: Promise<T>): Promise<T> {
  let isOpen = true;
  const close = () => {
    isOpen = false;
  };
  promise.then(close, close);
  const { nodeTiming } = performance;
  let { events } = nodeTiming.uvMetricsInfo;
  let since = performance.now();
  const turn = () => {
    if (!isOpen) return;
    const now = nodeTiming.uvMetricsInfo.events;
    if (now === events) {
      const nap = Math.min(LONGEST, (performance.now() - since) * SHARE);
      if (nap >= SHORTEST) Atomics.wait(nothing, 0, 0, nap);
    } else {
      events = now; // a file, a pipe or a timer: there may be more
      since = performance.now();
    }
    setImmediate(turn);
  };
  setImmediate(turn);
  return promise;
}
