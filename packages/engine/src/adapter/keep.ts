/** A device that nobody has now: as it was opened, with nothing on it but what is made again for every model, such as compiled kernels. */
export interface Idle<T> {
  readonly key: string;
  readonly device: T;
  destroy(): void;
}

let keepers = 0;
let mostIdle = 0;
/** The last one left first. */
const idle: Idle<unknown>[] = [];

/**
 * From now on a device that an engine has done with waits for the next that would be opened: to open one and to compile its kernels takes as long
 * as a short run.
 *
 * @param atMost so many of them, for whoever opens several adapters by turns
 * @returns what ends that, and destroys those that wait, unless somebody else keeps them too
 * @example
 * const stop = keepDevices();
 * for (const model of models) await compareAll(model);
 * stop();
 */
export function keepDevices(atMost = 1): () => void {
  keepers++;
  mostIdle = Math.max(mostIdle, atMost);
  let isOver = false;
  return () => {
    if (isOver) return;
    isOver = true;
    keepers--;
    if (keepers > 0) return;
    mostIdle = 0;
    for (const one of idle.splice(0)) one.destroy();
  };
}

/** Keeps a device for the next, or destroys it where none is kept. */
export function leave<T>(one: Idle<T>): void {
  idle.unshift(one);
  for (const old of idle.splice(mostIdle)) old.destroy();
}

/** The device that was left under a key, which nobody else has from then on. */
export function takeIdle<T>(key: string): T | undefined {
  const at = idle.findIndex((one) => one.key === key);
  return at < 0 ? undefined : (idle.splice(at, 1)[0] as Idle<T>).device;
}
