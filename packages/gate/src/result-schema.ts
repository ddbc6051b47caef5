import { z } from 'zod';
import type { GateResult } from './result.js';

const verdict = z.enum(['agree', 'diverged', 'incomparable']);
const count = z.int().min(0);
const hash = z.string().min(1);
const place = z.looseObject({ step: count, layer: z.int().nullable(), stage: z.string() });
const note = z.looseObject({ level: z.enum(['error', 'warning', 'notice']), text: z.string(), at: place.optional() });

/** What a merge needs of a result's file. The rest of a case's report is not checked: the same version wrote it. */
export const RESULT = z.looseObject({
  schema: z.literal(1),
  kind: z.literal('gate'),
  version: z.string(),
  verdict,
  reason: z.string(),
  config: z.looseObject({ file: z.string(), hash, factor: z.number(), inputs: hash }),
  shard: z.looseObject({ index: count, count }).nullable(),
  only: z.string().nullable(),
  total: count,
  names: z.array(z.string()),
  cases: z.array(
    z.looseObject({
      name: z.string(),
      verdict,
      reason: z.string(),
      notes: z.array(note),
      report: z.looseObject({ verdict, reason: z.string(), stages: z.array(place.extend({ verdict })) }),
    }),
  ),
  known: z.array(
    z.looseObject({
      stages: z.array(z.string()),
      until: z.string(),
      reason: z.string(),
      applied: count,
      used: count,
      untold: count,
    }),
  ),
  notes: z.array(note),
  timings: z.record(z.string(), z.number()),
}) satisfies z.ZodType<Pick<GateResult, 'verdict' | 'names' | 'total'>>;
