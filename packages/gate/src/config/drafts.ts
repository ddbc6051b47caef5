import { basename, resolve } from 'node:path';
import type { GateCase } from './case.js';
import type { DumpRunConfig, EngineRunConfig } from './config.js';
import { safe } from './names.js';

/** A case before it is known which limits and known faults are for it. */
export type Draft = Pick<GateCase, 'name' | 'axes' | 'work' | 'files'>;

export function dumpCase(run: DumpRunConfig, index: number, folder: string): Draft {
  const [candidate, reference, model, map] = [run.candidate, run.reference, run.model, run.map].map((file) =>
    file === undefined ? undefined : resolve(folder, file),
  );
  const given = { candidate, reference, model, map };
  return {
    name: safe(run.name),
    axes: { model: model === undefined ? null : basename(model), quantize: null, engine: run.name, prompt: null },
    work: {
      kind: 'dump',
      candidate: candidate as string,
      reference,
      llama: run.llama,
      options: {
        ...ruleOf(run),
        ...(model === undefined ? {} : { model }),
        ...(map === undefined ? {} : { map }),
        ...(run.tokens === undefined ? {} : { tokens: run.tokens.join() }),
      },
    },
    files: Object.entries(given).flatMap(([key, file]) =>
      file === undefined ? [] : [[`runs[${index}].${key}`, file] as const],
    ),
  };
}

export const ruleOf = ({ margin, minimum }: Pick<EngineRunConfig, 'margin' | 'minimum'>) => ({
  ...(margin === undefined ? {} : { margin }),
  ...(minimum === undefined ? {} : { minimum }),
});
