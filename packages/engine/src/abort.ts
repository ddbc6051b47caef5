/** What the promise becomes; rejects with the signal's reason as soon as that aborts. */
export async function unlessAborted<T>(value: T | PromiseLike<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return value;
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop);
  });
  try {
    return await Promise.race([aborted, value]);
  } finally {
    if (stop) signal.removeEventListener('abort', stop);
  }
}
