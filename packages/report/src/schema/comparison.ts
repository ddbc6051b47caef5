import { z } from 'zod';
import { bothSides, checked, count, head, milliseconds, number, stageId, text, verdict } from './parts.js';

const range = z.tuple([count, count]);
const rows = z.looseObject({ token: count, index: count });
const group = ['row', 'head', 'row-and-head', 'column'] as const;

/** What the wrong values are to the right ones. */
const kind = z.union([
  z.looseObject({ kind: z.literal('nonfinite'), nan: bothSides(count), inf: bothSides(count) }),
  z.looseObject({
    kind: z.literal('few'),
    count,
    values: z.array(rows.extend({ candidate: number, reference: number })),
  }),
  z.looseObject({ kind: z.enum(['zero', 'sign']) }),
  z.looseObject({ kind: z.literal('constant'), value: number }),
  z.looseObject({ kind: z.literal('constant-per-row'), from: number, to: number }),
  z.looseObject({ kind: z.literal('clipped'), from: number.nullable(), to: number.nullable() }),
  z.looseObject({ kind: z.literal('rounded'), to: z.enum(['f16', 'bf16', 'steps']), step: number.nullable() }),
  z.looseObject({ kind: z.literal('plus-one-of'), rows: count, parts: count }),
  z.looseObject({ kind: z.literal('factor'), factor: number }),
  z.looseObject({ kind: z.literal('offset'), offset: number }),
  z.looseObject({
    kind: z.enum([
      ...group.map((one) => `factor-per-${one}` as const),
      ...group.map((one) => `offset-per-${one}` as const),
    ]),
    from: number,
    to: number,
  }),
  z.looseObject({ kind: z.literal('other-row'), shift: z.int(), token: z.null() }),
  z.looseObject({ kind: z.literal('other-row'), shift: z.null(), token: count }),
  z.looseObject({ kind: z.literal('other-head'), heads: z.array(z.looseObject({ head: count, holds: count })) }),
  z.looseObject({
    kind: z.literal('permutation'),
    within: z.enum(['head', 'block', 'row', 'values']),
    order: text.nullable(),
  }),
  z.looseObject({ kind: z.literal('uncorrelated'), cosine: number }),
  z.looseObject({ kind: z.literal('mixed'), cosine: number, rel: number }),
]);

const where = z
  .looseObject({
    tokens: z.array(range),
    source: z.exactOptional(text),
    wrongRows: count,
    rows: count,
    heads: z.array(range).nullable(),
    columnsIn: z.enum(['row', 'head']),
    columns: z.array(z.looseObject({ from: count, to: count, what: text.nullable() })),
    share: number,
    kind,
    order: z.exactOptional(z.literal('half-split')),
    text,
  })
  .meta({ id: 'where', description: 'Where inside a stage the error is, and of what kind it is.' });

const cause = z.looseObject({ id: text, title: text, confidence: z.enum(['confirmed', 'likely']), delta: number });

const parameters = z.record(z.string(), z.union([number, text]));
const suspect = z.looseObject({
  id: text,
  title: text,
  changes: text,
  look: text,
  source: text,
  parameters,
  deltaBefore: number,
  delta: number,
  at: z.exactOptional(z.array(z.looseObject({ stage: text, layer: count.nullable() }))),
  with: z.exactOptional(z.looseObject({ id: text, title: text, look: text, parameters })),
});

const diagnosis = z
  .looseObject({
    confidence: z.enum(['confirmed', 'likely', 'unknown']),
    bug: text.nullable(),
    look: text,
    evidence: text,
    candidates: z.array(suspect),
    indistinguishable: z.array(text),
    hint: z.exactOptional(text),
    text,
    byNumbers: z.exactOptional(z.looseObject({ kind: z.enum(['constant', 'look-up', 'solved']), text, delta: number })),
  })
  .meta({ id: 'diagnosis', description: 'Why a stage is wrong, as far as that is known: known bugs, best first.' });

const first = stageId.extend({
  order: count,
  token: count.nullable(),
  cause: cause.nullable(),
  where: where.nullable(),
});

const fault = first.extend({
  steps: z.array(count),
  reason: z.exactOptional(text),
  local: number,
  limit: number,
  diagnosis: diagnosis.nullable(),
});

const stage = stageId
  .extend({
    order: count,
    shape: range,
    count,
    rms: number,
    rel: number,
    referenceRms: number,
    maxAbs: number,
    worst: rows.nullable(),
    cosine: number,
    sqnr: number,
    distance: number,
    nan: bothSides(count),
    inf: bothSides(count),
    firstNonFinite: rows.nullable(),
    floor: number.nullable(),
    limit: number,
    limits: z.looseObject({ rel: number, row: number, value: number }),
    ofLimit: number,
    local: number.nullable(),
    inherits: stageId.nullable(),
    follows: z.exactOptional(stageId),
    verdict,
    reason: z.exactOptional(text),
    worstRow: z.looseObject({ token: count, rel: number }).nullable(),
    token: count.nullable(),
    where: where.nullable(),
  })
  .meta({
    id: 'stage',
    description: 'What was found about a stage of a layer at a step. docs/outputs.md says what the numbers are.',
  });

const topLogits = z.array(z.looseObject({ id: count, logit: number }));
const generated = z.looseObject({ tokens: z.array(count), text: text.nullable() });

const input = z.union([text, z.tuple([text, z.int().nullable()])]);
const described = z.array(
  z.looseObject({
    stage: text,
    op: text,
    inputs: z.exactOptional(z.array(input)),
    cached: z.exactOptional(input),
    through: z.exactOptional(z.array(text)),
    weights: z.exactOptional(z.array(text)),
    mask: z.exactOptional(z.enum(['causal', 'other'])),
  }),
);
const graph = z
  .looseObject({ before: described, after: described, kinds: z.array(described), layers: z.array(count) })
  .meta({
    id: 'graph',
    description: 'What each stage of the model is computed from, as in a dump (docs/dump-format.md, The graph).',
  });

/** A report, which a comparison prints and a gate has of each case. */
export const report = z.looseObject({
  schema: z.literal(1),
  verdict,
  reason: text,
  model: z.looseObject({
    file: text,
    arch: text,
    quantization: text,
    layers: count.nullable(),
    bytes: count.nullable(),
  }),
  tokens: z.array(z.int()),
  reference: z.looseObject({
    name: text,
    version: text,
    mode: text,
    why: z.exactOptional(text),
    cpuVariant: z.exactOptional(text),
    callbackChangesNothing: z.exactOptional(z.boolean()),
    notes: z.exactOptional(z.array(text)),
  }),
  candidate: z.looseObject({
    name: text,
    backend: text,
    adapter: text,
    injected: z.exactOptional(z.array(text)),
    precision: z.exactOptional(z.looseObject({ format: text, from: text, stored: z.exactOptional(z.boolean()) })),
    notes: z.exactOptional(z.array(text)),
  }),
  floors: z.looseObject({ method: text, margin: number, minimum: number }),
  first: first.nullable(),
  between: z.exactOptional(z.looseObject({ after: stageId.nullable(), stages: z.array(text), layers: z.array(count) })),
  faults: z.array(fault).nullable(),
  inputsOf: z.enum(['reference', 'candidate']).nullable(),
  stages: z.array(stage),
  ignored: z.array(text),
  alone: bothSides(z.looseObject({ stages: count, names: z.array(text), rows: count })),
  logits: z
    .looseObject({ top1Agree: z.boolean(), top1Margin: number, klDivergence: number, topK: bothSides(topLogits) })
    .nullable(),
  decode: z.looseObject({
    firstDiverged: count.nullable(),
    firstOtherChoice: z
      .looseObject({
        step: count,
        candidate: count,
        reference: count,
        gap: number,
        allowed: number,
        tie: z.boolean(),
      })
      .nullable(),
  }),
  checks: bothSides(z.looseObject(checked)),
  diagnosis: diagnosis.nullable(),
  tokenDiagnosis: z.looseObject({ id: text, title: text, text, at: count, source: text }).nullable(),
  observations: z.array(
    stageId.extend({
      kind: text,
      candidate: number.nullable(),
      reference: number.nullable(),
      scale: z.exactOptional(number),
      text,
      differs: z.boolean(),
    }),
  ),
  unseen: z.array(z.looseObject({ what: text, why: text, remedy: text })),
  generated: bothSides(generated).nullable(),
  top: bothSides(z.array(text.nullable())).nullable(),
  timings: milliseconds,
  memory: z.exactOptional(z.looseObject({ weights: count, state: count, arena: count })),
  graph: z.exactOptional(graph),
});

const confidence = z.enum(['confirmed', 'likely', 'unknown']);

/** One thing to mend; the same bug in several stages and layers is one of them. */
const told = z.looseObject({
  bug: text,
  id: text.nullable(),
  confidence,
  place: text,
  look: text,
  evidence: text,
  at: z.array(stageId.extend({ confidence })),
});

export const COMPARISON = report
  .extend({ ...head('comparison'), headline: z.exactOptional(text.nullable()), causes: z.exactOptional(z.array(told)) })
  .meta({ title: 'What probe compare --json and probe diff --json print' });

const measured = z.looseObject({ verdict, delta: number, limit: number, inherits: stageId.nullable() });
const changed = stageId.extend({ before: measured, after: measured });
const namedCause = stageId.extend({
  cause: z.looseObject({ id: text, title: text, confidence: z.enum(['confirmed', 'likely']) }),
});
const then = <Schema extends z.ZodType>(of: Schema) => z.looseObject({ before: of, after: of });

export const CHANGES = z
  .looseObject({
    ...head('changes'),
    answer: text,
    broke: text,
    isSameRun: z.boolean(),
    differences: z.array(then(text).extend({ what: text })),
    direction: z.enum(['better', 'worse', 'mixed', 'same']),
    summary: text,
    verdict: then(verdict),
    better: z.array(changed),
    worse: z.array(changed),
    appeared: z.array(stageId),
    vanished: z.array(stageId),
    first: then(stageId.nullable()),
    moved: z.enum(['earlier', 'later']).nullable(),
    causes: z.looseObject({ gone: z.array(namedCause), come: z.array(namedCause) }),
    otherTokens: z.boolean(),
  })
  .meta({ title: 'What probe changes --json prints' });
