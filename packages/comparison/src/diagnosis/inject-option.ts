import { type Bug, CATALOGUE } from '@llama-probe/oracle';
import { UsageError } from '../errors.js';
import { nearest } from '../nearest.js';
import type { Injection } from './injected-run.js';

/** `rope-halves,rms-eps` → bugs. @throws UsageError for an id that is not in the catalogue, with the nearest one */
export function bugsNamed(option: string, text: string): Bug[] {
  return text.split(',').map((part) => {
    const id = part.trim();
    if (id === '')
      throw new UsageError(
        `${option}: wanted the id of a known bug, such as rope-halves; found nothing. probe bugs lists them.`,
      );
    const bug = CATALOGUE.find((one) => one.id === id);
    if (!bug) {
      const ids = CATALOGUE.map((one) => one.id);
      throw new UsageError(
        `${option}: "${id}" is not in the catalogue; did you mean ${nearest(id, ids)}? probe bugs lists it.`,
      );
    }
    return bug;
  });
}

/** `rope-halves@2,rms-eps` → injections. @throws UsageError for an unknown id, a layer that there is not, or what no stage shows */
export function parseInjections(text: string | undefined, blockCount: number): Injection[] {
  if (text === undefined) return [];
  const injections = text.split(',').map((part): Injection => {
    const [id = '', at, ...more] = part.trim().split('@');
    const [bug] = bugsNamed('--inject', id) as [Bug];
    if (bug.stages.includes('tokens')) {
      throw new UsageError(
        `--inject: ${id} is a matter of the tokens and not of a stage; give the tokens themselves with --tokens.`,
      );
    }
    if (at === undefined) return { bug };
    if (!/^\d{1,6}$/.test(at) || more.length > 0 || Number(at) >= blockCount) {
      throw new UsageError(
        `--inject: "${part.trim()}" names no layer of this model; wanted such as ${id}@0, up to ${id}@${blockCount - 1}.`,
      );
    }
    return { bug, layer: Number(at) };
  });
  for (const [i, one] of injections.entries()) {
    const other = injections.slice(i + 1).find((two) => meet(one, two));
    if (!other) continue;
    throw new UsageError(
      `--inject: ${one.bug.id} and ${other.bug.id} are both of ${one.bug.stages.find((stage) => other.bug.stages.includes(stage))}; a stage takes one bug. Put them into different layers, such as ${one.bug.id}@0,${other.bug.id}@1.`,
    );
  }
  return injections;
}

function meet(one: Injection, two: Injection): boolean {
  const sameLayer = one.layer === undefined || two.layer === undefined || one.layer === two.layer;
  return sameLayer && one.bug.stages.some((stage) => two.bug.stages.includes(stage));
}
