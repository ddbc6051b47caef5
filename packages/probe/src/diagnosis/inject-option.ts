import { CATALOGUE, type CatalogueEntry } from '@llama-probe/oracle';
import { UsageError } from '../errors.js';
import { nearest } from '../selection.js';
import type { Injection } from './injector.js';

/** `rope-halves,rms-eps` → entries. @throws UsageError for an id that is not in the catalogue, with the nearest one */
export function entriesNamed(option: string, text: string): CatalogueEntry[] {
  return text.split(',').map((part) => {
    const id = part.trim();
    const entry = CATALOGUE.find((one) => one.id === id);
    if (!entry) {
      const ids = CATALOGUE.map((one) => one.id);
      throw new UsageError(
        `${option}: "${id}" is not in the catalogue; did you mean ${nearest(id, ids)}? probe faults lists it.`,
      );
    }
    return entry;
  });
}

/** `rope-halves@2,rms-eps` → injections. @throws UsageError for an unknown id, a layer that there is not, or what no stage shows */
export function parseInjections(text: string | undefined, blockCount: number): Injection[] {
  if (text === undefined) return [];
  return text.split(',').map((part) => {
    const [id = '', at, ...more] = part.trim().split('@');
    const [entry] = entriesNamed('--inject', id) as [CatalogueEntry];
    if (entry.stages.includes('tokens')) {
      throw new UsageError(
        `--inject: ${id} is a matter of the tokens and not of a stage; give the tokens themselves with --tokens.`,
      );
    }
    if (at === undefined) return { entry };
    if (!/^\d{1,6}$/.test(at) || more.length > 0 || Number(at) >= blockCount) {
      throw new UsageError(
        `--inject: "${part.trim()}" names no layer of this model; wanted such as ${id}@0, up to ${id}@${blockCount - 1}.`,
      );
    }
    return { entry, layer: Number(at) };
  });
}
