import { z } from 'zod';
import { report } from './comparison.js';
import { count, head, milliseconds, number, stageId, text, verdict } from './parts.js';

const note = z.looseObject({ level: z.enum(['error', 'warning', 'notice']), text, at: z.exactOptional(stageId) });

const baseline = z.looseObject({
  file: text,
  state: z.enum(['compared', 'missing', 'unusable']),
  stages: count,
  changed: count,
  worse: count,
  better: count,
  most: stageId.extend({ rel: number, was: number, times: number }).nullable(),
  estimated: z.boolean(),
});

export const GATE = z
  .looseObject({
    ...head('gate'),
    version: text,
    verdict,
    reason: text,
    config: z.looseObject({ file: text, hash: text, factor: number, inputs: text }),
    shard: z.looseObject({ index: count, count }).nullable(),
    only: text.nullable(),
    adapter: text.nullable(),
    commit: text.nullable(),
    total: count,
    names: z.array(text),
    cases: z.array(
      z.looseObject({
        name: text,
        time: text,
        axes: z.looseObject({
          model: text.nullable(),
          quantize: text.nullable(),
          engine: text,
          prompt: text.nullable(),
        }),
        modelHash: text.nullable(),
        quantized: z.looseObject({ klDivergence: number, top1Agree: z.boolean() }).nullable(),
        verdict,
        reason: text,
        notes: z.array(note),
        report,
        baseline: baseline.nullable(),
        update: z.looseObject({ state: z.enum(['written', 'unchanged', 'refused']), bytes: count }).nullable(),
        known: z.looseObject({ applied: z.array(count), used: z.array(count), untold: z.array(count) }),
      }),
    ),
    known: z.array(
      z.looseObject({ stages: z.array(text), until: text, reason: text, applied: count, used: count, untold: count }),
    ),
    notes: z.array(note),
    timings: milliseconds,
  })
  .meta({ title: 'What probe gate --json and probe merge --json print, and --result keeps' });
