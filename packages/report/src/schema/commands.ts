import { z } from 'zod';
import { COMPARISON } from './comparison.js';
import { checked, count, counts, head, milliseconds, number, text } from './parts.js';

const nothing = z.tuple([]);

export const FAILURE = z
  .looseObject({
    ...head('failure'),
    verdict: z.literal('incomparable'),
    reason: text,
    error: z.looseObject({ code: text }),
    model: z.null(),
    tokens: nothing,
    reference: z.null(),
    candidate: z.null(),
    first: z.null(),
    stages: nothing,
    logits: z.null(),
    timings: z.record(text, z.never()),
  })
  .meta({ title: 'What every command prints with --json where it could not do what was asked for' });

export const CAPTURE = z
  .looseObject({ ...head('capture'), file: text, bytes: count, tensors: count, tokens: z.array(z.int()) })
  .meta({ title: 'What probe capture --json prints' });

export const IMPORT = z
  .looseObject({
    ...head('import'),
    file: text,
    bytes: count,
    tensors: count,
    tokens: z.array(z.int()),
    notes: z.array(text),
  })
  .meta({ title: 'What probe import --json prints' });

export const REPRO = z
  .looseObject({
    ...head('repro'),
    file: text,
    verdict: z.enum(['agree', 'diverged', 'incomparable']),
    reason: text,
    case: z.nullable(
      z.looseObject({
        folder: text,
        files: z.array(text),
        step: count,
        layer: z.nullable(count),
        stage: text,
        isWrong: z.boolean(),
        shape: z.tuple([count, count]),
        of: z.tuple([count, count]),
        distances: z.nullable(z.looseObject({ wrong: number, right: number, limit: number })),
      }),
    ),
  })
  .meta({ title: 'What probe repro --json prints' });

export const CHECK = z
  .looseObject({ ...head('check'), file: text, known: count, notes: z.exactOptional(z.array(text)), ...checked })
  .meta({ title: 'What probe check --json prints' });

const place = { step: count, layer: count.nullable(), stage: text };

export const REPEAT = z
  .looseObject({
    ...head('repeat'),
    verdict: z.enum(['agree', 'diverged', 'incomparable']),
    reason: text,
    candidate: z.looseObject({ name: text, version: text, adapter: z.exactOptional(text) }),
    runs: count,
    kinds: z.exactOptional(z.array(z.looseObject({ what: text, runs: count, steady: z.exactOptional(z.boolean()) }))),
    tokens: z.array(z.int()),
    stages: count,
    changing: z.array(
      z.looseObject({
        ...place,
        results: z.array(count),
        positions: z.array(z.int()),
        rows: count,
        widths: z.exactOptional(z.array(count)),
      }),
    ),
    otherTokens: z.array(z.looseObject({ run: count, position: count, token: z.int(), first: z.int() })),
    incomplete: z.array(text),
  })
  .meta({ title: 'What probe repeat --json prints' });

const estimate = z.looseObject({ value: number, uncertainty: number });
const percentiles = {
  max: number,
  p999: number,
  p99: number,
  p95: number,
  p90: number,
  median: number,
  p10: number,
  p5: number,
  p1: number,
  p01: number,
  min: number,
};
const sides = z.looseObject({ reference: number, candidate: number });
const group = {
  positions: count,
  notFinite: count,
  meanKl: number.nullable(),
  maxKl: number.nullable(),
  sameTop: number.nullable(),
  perplexity: sides.nullable(),
};
const spelt = z.looseObject({ id: z.int(), text: text.nullable() });

export const TEXT = z
  .looseObject({
    ...head('text'),
    verdict: z.enum(['agree', 'diverged', 'incomparable']),
    reason: text,
    model: z.looseObject({ file: text, arch: text }),
    reference: z.looseObject({ name: text, version: text, mode: text }),
    candidate: z.looseObject({
      name: text,
      version: text,
      backend: z.exactOptional(text),
      adapter: z.exactOptional(text),
      injected: z.exactOptional(z.array(text)),
    }),
    source: z.looseObject({
      kind: z.enum(['text', 'prompts', 'base']),
      file: text,
      window: count.nullable(),
      stride: count.nullable(),
      tokens: count,
      leftOut: count,
    }),
    statistics: z.looseObject({
      positions: count,
      followed: count,
      notFinite: count,
      perplexity: z
        .looseObject({ reference: estimate, candidate: estimate, logRatio: estimate, correlation: number.nullable() })
        .nullable(),
      kl: z.looseObject({ mean: estimate, ...percentiles }),
      deltaP: z.looseObject({ mean: estimate, rms: estimate, ...percentiles }).nullable(),
      sameTop: estimate,
      rank: z.looseObject({ mean: number, p99: number, max: count }),
    }),
    floor: z.looseObject({ method: text, windows: count, meanKl: number.nullable(), maxKl: number.nullable() }),
    limits: z.looseObject({ margin: number, minimum: number, position: number, mean: number }),
    notCompared: z.looseObject({ missing: count, reference: count }),
    positions: z.array(z.looseObject({ ...group, from: count, to: count })),
    classes: z.array(z.looseObject({ ...group, class: z.enum(['word', 'continuation', 'digits', 'special']) })),
    windows: z.array(
      z.looseObject({
        ...group,
        window: count,
        tokens: count,
        dump: z.exactOptional(text),
        worst: count.nullable(),
        over: count,
        firstOver: count.nullable(),
      }),
    ),
    over: count,
    worst: z.array(
      z.looseObject({
        window: count,
        position: count,
        kl: number,
        token: spelt,
        next: spelt.nullable(),
        choice: z.looseObject({ reference: spelt, candidate: spelt }),
        rank: count,
        probability: sides.nullable(),
      }),
    ),
    onsets: z.array(
      z.looseObject({
        window: count,
        tokens: count,
        position: count,
        runs: count,
        chunks: z
          .looseObject({
            used: count,
            sizes: z.array(z.looseObject({ size: count, position: count.nullable() })),
          })
          .optional(),
      }),
    ),
    stages: z.array(z.looseObject({ window: count, position: count, report: COMPARISON })),
    milliseconds: number,
    timings: milliseconds,
  })
  .meta({ title: 'What probe text --json prints' });

const probability = spelt.extend({ probability: number });
const serverPosition = {
  position: count,
  token: spelt,
  from: z.enum(['prompt', 'decoded']),
  kl: number,
  limit: number,
  covered: sides,
  isSameTop: z.boolean().nullable(),
};
const kls = z.looseObject({ max: number, mean: number });

export const SERVER = z
  .looseObject({
    ...head('server'),
    verdict: z.enum(['agree', 'diverged', 'incomparable']),
    reason: text,
    model: z.looseObject({ file: text, arch: text }),
    reference: z.looseObject({ name: text, version: text, mode: text }),
    candidate: z.looseObject({ address: text, model: text.nullable() }),
    asked: z.looseObject({
      endpoint: text,
      prompt: z.enum(['ids', 'text', 'chat']),
      way: z.enum(['echo', 'steps', 'chat']),
      tokensAs: z.enum(['ids', 'bytes', 'text']),
      temperature: number,
      top: count,
      returned: z.looseObject({ fewest: count, most: count }),
      decimals: count.nullable(),
      isBf16: z.boolean(),
      requests: count,
      promptTokens: z.looseObject({ sent: count, ran: count.nullable() }),
      tried: z.array(z.looseObject({ what: text, outcome: text })),
    }),
    tokens: z.array(z.int()),
    prompt: count,
    statistics: z.looseObject({
      positions: count,
      meanKl: number,
      meanKlUnrounded: number,
      maxKl: number,
      sameTop: number,
      covered: number,
    }),
    floor: z.looseObject({ method: text, meanKl: number.nullable(), maxKl: number.nullable() }),
    limits: z.looseObject({ margin: number, minimum: number, position: number, mean: number }),
    positions: z.array(z.looseObject(serverPosition)),
    over: count,
    first: z
      .looseObject({
        ...serverPosition,
        context: text,
        top: z.looseObject({ reference: z.array(probability), candidate: z.array(probability) }),
        asPrompt: z.looseObject({ kl: number, agrees: z.boolean() }).nullable(),
      })
      .nullable(),
    causes: z.array(
      z.looseObject({
        id: text,
        title: text,
        value: number.nullable(),
        parts: z.array(z.looseObject({ id: text, token: count.nullable(), value: number.nullable() })),
        kl: kls,
        before: kls,
        positions: count,
        look: text,
      }),
    ),
    pointsTo: z.array(text),
    notCompared: z.looseObject({ missing: count, unresolved: count }),
    notes: z.array(text),
    next: z.array(text),
    milliseconds: number,
  })
  .meta({ title: 'What probe server --json prints' });

const differing = {
  position: count,
  layer: count.nullable(),
  stage: text,
  delta: number.nullable(),
  limit: number,
  floor: number.nullable(),
};

export const ITSELF = z
  .looseObject({
    ...head('itself'),
    verdict: z.enum(['agree', 'diverged', 'incomparable']),
    reason: text,
    candidate: z.looseObject({ name: text, version: text, adapter: z.exactOptional(text) }),
    tokens: z.array(z.int()),
    base: z.looseObject({ name: text, batches: text }),
    precision: z.enum(['f32', 'bf16', 'f16', 'native']),
    ways: z.array(
      z.looseObject({
        name: text,
        batches: text,
        verdict: z.enum(['agree', 'diverged', 'incomparable']),
        rows: count,
        stages: count,
        isBitwise: z.boolean(),
        worst: z.looseObject(differing).nullable(),
        first: z
          .looseObject({
            ...differing,
            after: z.looseObject({ layer: count.nullable(), stage: text }).nullable(),
            pointsTo: z.array(text),
          })
          .nullable(),
        differing: z.array(z.looseObject({ ...differing, stages: count })),
        notes: z.array(text),
      }),
    ),
    notes: z.array(text),
  })
  .meta({ title: 'What probe itself --json prints' });

const end = z.looseObject({ id: z.int().nullable(), isAdded: z.boolean(), why: text });

export const TOKENIZE = z
  .looseObject({
    ...head('tokenize'),
    verdict: z.enum(['agree', 'diverged']),
    reason: text,
    file: text,
    version: text,
    vocabulary: z.looseObject({ type: text, pre: text.nullable(), size: count }),
    text: text.nullable(),
    chat: z.enum(['llama.cpp', 'jinja']).nullable(),
    parsesSpecial: z.boolean(),
    bos: end,
    eos: end,
    tokens: z.array(
      z.looseObject({
        id: z.int(),
        piece: text.nullable(),
        bytes: text,
        kind: z.enum(['normal', 'control', 'user-defined', 'byte', 'unknown', 'unused']),
        from: count.nullable(),
        to: count.nullable(),
      }),
    ),
    detokenized: text,
    notes: z.array(text),
    against: z
      .looseObject({
        file: text,
        tokens: z.array(z.int()),
        difference: z.looseObject({ id: text, title: text, text, at: count, source: text }).nullable(),
      })
      .nullable(),
  })
  .meta({ title: 'What probe tokenize --json prints' });

const adapter = z.looseObject({
  kind: text,
  found: z.boolean(),
  info: z.exactOptional(
    z.looseObject({
      kind: text,
      name: text,
      backend: text,
      level: z.enum(['core', 'compatibility']),
      class: z.enum(['cpu', 'gpu']),
      features: z.array(text),
      subgroupMinSize: z.exactOptional(count),
      limits: counts(
        'maxBufferSize',
        'maxStorageBufferBindingSize',
        'maxUniformBufferBindingSize',
        'maxStorageBuffersPerShaderStage',
        'maxComputeWorkgroupStorageSize',
        'maxComputeInvocationsPerWorkgroup',
        'maxComputeWorkgroupSizeX',
        'maxComputeWorkgroupSizeY',
        'maxComputeWorkgroupSizeZ',
        'maxComputeWorkgroupsPerDimension',
        'maxTextureDimension2D',
        'minStorageBufferOffsetAlignment',
      ),
    }),
  ),
  reason: text,
  remedy: z.exactOptional(text),
});

export const DOCTOR = z
  .looseObject({
    ...head('doctor'),
    node: text,
    platform: text,
    cores: count,
    memory: z.looseObject({ total: count, free: count }),
    llama: z.union([
      z.looseObject({ ok: z.literal(true), version: text, cpuVariant: text, directory: text }),
      z.looseObject({ ok: z.literal(false), reason: text }),
    ]),
    adapters: z.array(adapter),
    chosen: text.nullable(),
    blocks: z.array(
      z.looseObject({
        type: text,
        tokens: text,
        rows: count,
        most: count,
        by: z.exactOptional(z.enum(['workgroup', 'subgroup', 'tile'])),
      }),
    ),
    cache: text,
    cached: z
      .looseObject({
        limit: count,
        bytes: count,
        models: z.array(z.looseObject({ file: text, bytes: count, used: text })),
      })
      .nullable(),
    cleared: count.nullable(),
    proofs: z.array(z.looseObject({ name: text, ok: z.boolean(), detail: text })).nullable(),
  })
  .meta({ title: 'What probe doctor --json prints' });

export const BUGS = z
  .looseObject({
    ...head('bugs'),
    faults: z.array(z.looseObject({ id: text, title: text, stages: z.array(text), source: text, look: text })),
    trials: z
      .array(
        z.looseObject({
          id: text,
          layer: count.nullable(),
          run: text,
          found: z.enum(['right', 'wrong', 'unseen']),
          at: text.nullable(),
          named: z.enum(['first', 'tied', 'no']).nullable(),
          confidence: z.enum(['confirmed', 'likely', 'unknown']).nullable(),
          name: text.nullable(),
          byNumbers: z.exactOptional(text),
        }),
      )
      .nullable(),
  })
  .meta({ title: 'What probe bugs --json prints' });

export const INSPECTION = z
  .looseObject({
    ...head('inspection'),
    file: text,
    bytes: count,
    metadata: z.looseObject({
      producer: z.looseObject({ name: text, version: text }),
      tokens: z.array(z.int()),
      prompt: z.exactOptional(text),
    }),
    notes: z.exactOptional(z.array(text)),
    tensors: z.array(
      z.looseObject({
        step: count,
        order: count,
        layer: count.nullable(),
        stage: text,
        shape: z.tuple([count, count]),
        rms: number,
        mean: number,
        min: number,
        max: number,
        nan: count,
        inf: count,
        values: z.exactOptional(z.array(z.array(number))),
      }),
    ),
  })
  .meta({ title: 'What probe inspect --json prints' });

const index = { row: count, column: count };

/** What both documents about weights begin with. */
const answer = {
  verdict: z.enum(['equal', 'differ', 'nothing']),
  reason: text,
  next: z.array(text),
  model: z.looseObject({
    file: text,
    bytes: count,
    architecture: text,
    tensors: count,
    types: z.record(text, count),
  }),
  reference: z.looseObject({ name: z.literal('llama.cpp'), version: text }),
};

export const WEIGHTS = z
  .looseObject({
    ...head('weights'),
    ...answer,
    candidate: z.looseObject({ name: text, adapter: text }),
    tensors: z.array(
      z.looseObject({
        name: text,
        type: text,
        shape: z.array(count),
        bytes: count,
        hash: text,
        engine: z.enum(['equal', 'differs', 'not-computed']),
        why: z.exactOptional(text),
        statistics: z
          .looseObject({
            min: number,
            max: number,
            mean: number,
            rms: number,
            zeros: count,
            nan: count,
            inf: count,
            firstBad: z.looseObject(index).nullable(),
            deadRows: count,
            firstDead: count.nullable(),
            loud: z.looseObject({ ...index, times: number }).nullable(),
          })
          .nullable(),
        bits: z
          .looseObject({
            differing: count,
            zeroSigns: count,
            flushed: count,
            first: z.looseObject({ ...index, engine: number, ggml: number }).nullable(),
          })
          .nullable(),
        values: z.exactOptional(z.looseObject({ ggml: z.array(number), engine: z.array(number).nullable() })),
      }),
    ),
    duplicates: z.array(z.array(text)),
    remarks: z.array(text),
  })
  .meta({ title: 'What probe weights --json prints' });

const layout = z.discriminatedUnion('kind', [
  z.looseObject({ kind: z.enum(['half-split', 'adjacent', 'transposed', 'reshaped']) }),
  z.looseObject({ kind: z.literal('shifted'), by: z.int() }),
  z.looseObject({ kind: z.literal('heads'), order: z.array(count) }),
  z.looseObject({ kind: z.literal('first-rows'), rows: count }),
]);

const values = z.discriminatedUnion('kind', [
  z.looseObject({ kind: z.enum(['equal', 'close', 'differ']) }),
  z.looseObject({ kind: z.literal('rounded'), type: text }),
  z.looseObject({ kind: z.literal('requantised'), type: text, expected: number }),
  z.looseObject({ kind: z.literal('scaled'), factor: number }),
  z.looseObject({ kind: z.literal('offset'), value: number }),
  z.looseObject({ kind: z.literal('rows'), rows: count, first: count }),
]);

export const WEIGHTS_COMPARISON = z
  .looseObject({
    ...head('weights-comparison'),
    ...answer,
    other: z.looseObject({ file: text, format: text, tensors: count }),
    pairs: z.array(
      z.looseObject({
        name: text,
        type: text,
        shape: z.array(count),
        other: z.array(text),
        otherType: text,
        otherShape: z.array(count),
        verdict: z.enum(['equal', 'differs']),
        layout: z.array(layout),
        values,
        misreading: z
          .looseObject({
            id: text,
            title: text,
            look: text,
            parameters: z.record(text, z.union([number, text])),
            also: z.array(text),
          })
          .nullable(),
        is: text.nullable(),
        count,
        differing: count,
        rel: number,
        first: z.looseObject({ ...index, block: count, ours: number, theirs: number }).nullable(),
        text,
      }),
    ),
    missing: z.array(text),
    extra: z.array(text),
    remarks: z.array(text),
  })
  .meta({ title: 'What probe weights --against --json prints' });
