import { GivenRows, type Tensor } from '@llama-probe/dump';
import type { Graph } from '@llama-probe/dump/stage';
import type { Hook } from './hook.js';

/** A run's hook, and what to do when the run has ended. */
export interface FromHook {
  readonly hook: Hook;
  leave(): Promise<void>;
}

/**
 * A hook for a run that goes on from given rows: a stage that they have rows for is recorded and then overwritten with them, so that
 * each stage starts from the given rows' inputs. Another hook may inject, record more, and overwrite what has no given rows.
 *
 * The stream is read layer by layer, before the layer is encoded, and no further than the layer.
 *
 * @param graph the run's own: which stage is the last of a layer
 */
export function fromHook(from: AsyncIterable<Tensor>, graph: Graph, other?: Hook): FromHook {
  const source = from[Symbol.asyncIterator]();
  const given = new GivenRows();
  let position = -1;
  let waiting = false;
  const inject = other?.inject?.bind(other);
  const hook: Hook = {
    async prepare(at) {
      if (at.firstPosition !== position) given.begin(at.firstPosition, at.tokens);
      position = at.firstPosition;
      const last = graph.lastOf(at.layer);
      while (last && !given.has(last) && !given.isPast(last)) {
        waiting = true;
        const { value, done } = await source.next();
        waiting = false;
        given.put(done ? undefined : value);
      }
      await other?.prepare?.(at);
    },
    ...(inject && { inject }), // a run without one does not wait for anything
    record: (at) => {
      const more = other?.record(at) ?? false;
      return given.has(at) || more;
    },
    overwrite: (at) => given.take(at, at.width)?.values ?? other?.overwrite?.(at),
  };
  return {
    hook,
    async leave() {
      given.end();
      const left = Promise.resolve(source.return?.());
      if (waiting)
        left.catch(() => {}); // aborted: what it waits for may never come
      else await left;
    },
  };
}
