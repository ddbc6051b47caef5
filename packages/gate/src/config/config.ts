import { STAGE_NAMES } from '@llama-probe/dump/stage';
import { z } from 'zod';
import { beside, CANDIDATE, type Misfit, misfitOf } from './candidate.js';
import {
  count,
  DATE,
  ids,
  isDay,
  layers,
  margin,
  minimum,
  oneOf,
  prompt,
  QUANTIZE,
  RUNS,
  stages,
  strict,
  text,
  type,
  wanted,
} from './fields.js';

const LLAMA = ['auto', 'exact', 'native'] as const;
const MODES = [...LLAMA, 'baseline'] as const;
const WAYS = ['auto', 'whole', 'block'] as const;
const MODEL = 'the path of a GGUF file, or a list of them';

const engine = strict(
  {
    name: text('a name').describe("What it is called in its cases' names."),
    ...CANDIDATE,
    stages: stages.optional().describe('Only these stages of it, instead of those of the run.'),
  },
  'an engine',
);

const engineRun = strict(
  {
    name: text('a name').optional().describe("What its cases' names begin with; the model's file name without it."),
    model: z
      .union(
        [
          text('the path of a GGUF file'),
          z.array(text('the path of a GGUF file'), wanted(MODEL)).min(1, wanted(MODEL)),
        ],
        wanted(MODEL),
      )
      .optional()
      .describe('A GGUF file, or a list of them; the bundled model without it.'),
    quantize: z
      .union([type, z.array(type, wanted(QUANTIZE)).min(1, wanted(QUANTIZE))], wanted(QUANTIZE))
      .optional()
      .describe('Make these quantisations first, with llama.cpp. null: the file as it is.'),
    imatrix: text('the path of a file of llama-imatrix, or of a text')
      .optional()
      .describe(
        'Which columns are important to the quantisations: a file of llama-imatrix, or a text to measure it on.',
      ),
    prompts: z
      .array(prompt, wanted('a list of prompts'))
      .min(1, wanted('at least one prompt'))
      .optional()
      .describe('What to run; "Hello" without it.'),
    steps: count('how many tokens to decode after the prompt, such as 2')
      .optional()
      .describe('Greedy tokens to decode after the prompt (2).'),
    reference: z
      .enum(MODES, wanted(oneOf(MODES)))
      .optional()
      .describe('llama.cpp on the weights as F32, or on the file as it is; "baseline": do not run it.'),
    exactBy: z
      .enum(WAYS, wanted(oneOf(WAYS)))
      .optional()
      .describe('How the weights as F32 are evaluated: the whole model, block by block, or as is best for it.'),
    ...CANDIDATE,
    engines: z
      .array(engine, wanted('a list of engines'))
      .min(1, wanted('at least one engine'))
      .optional()
      .describe('Each of these is run, with names of their own.'),
    stages: stages.optional().describe('Only these stages.'),
    layers: layers.optional().describe('Only these layers, such as "0,2-4".'),
    exclude: z
      .union([text(RUNS), z.array(text(RUNS), wanted(RUNS)).min(1, wanted(RUNS))], wanted(RUNS))
      .optional()
      .describe('Not the cases of these names.'),
    margin: margin.optional(),
    minimum: minimum.optional(),
  },
  'a run of the engine',
)
  .refine(({ imatrix, quantize }) => imatrix === undefined || [quantize ?? null].flat().some((type) => type !== null), {
    ...wanted('a quantisation beside it that is made with it, such as "quantize": "IQ2_XS"'),
    path: ['imatrix'],
  })
  .superRefine(({ engines, reference, ...run }, context) => {
    const refuse = (misfit: Misfit | undefined, ...above: PropertyKey[]) => {
      if (misfit)
        context.addIssue({ code: 'custom', path: [...above, misfit.key], message: `wanted ${misfit.wanted}` });
    };
    refuse(misfitOf(run, reference));
    if (engines) refuse(beside(run));
    for (const [i, one] of (engines ?? []).entries()) refuse(misfitOf(one, reference), 'engines', i);
  });

export const DUMP_RUN = strict(
  {
    name: text('a name').describe('What the case is called.'),
    candidate: text("the path of your engine's dump").describe("Your engine's dump, made before."),
    reference: text("the path of llama.cpp's dump")
      .optional()
      .describe("llama.cpp's dump; without it the candidate is held to the baseline."),
    llama: z
      .enum(LLAMA, wanted(oneOf(LLAMA)))
      .optional()
      .describe("Instead of a reference's dump: run llama.cpp on the model, with the dump's tokens."),
    model: text('the path of a GGUF file').optional().describe('The GGUF file: with its weights the bug can be named.'),
    map: text('the path of a mapping file')
      .optional()
      .describe('Which stages the arrays are whose names nobody knows.'),
    tokens: ids.optional().describe('The token ids that were run, of a dump that does not say them.'),
    margin: margin.optional(),
    minimum: minimum.optional(),
  },
  'a dump to check',
)
  .refine(({ llama, model }) => llama === undefined || model !== undefined, wanted('the model, for llama.cpp to run'))
  .refine(
    ({ llama, reference }) => llama === undefined || reference === undefined,
    wanted('either reference, a dump, or llama, a run'),
  );

const limit = strict(
  {
    stages: stages.describe('Which stages.'),
    layers: layers.optional(),
    runs: text(RUNS).optional().describe('Only in the cases of these names.'),
    margin: margin.optional(),
    minimum: minimum.optional(),
  },
  'a limit',
).refine(({ margin, minimum }) => margin !== undefined || minimum !== undefined, wanted('margin, minimum, or both'));

const known = strict(
  {
    stages: stages.describe('Which stages are wrong.'),
    layers: layers.optional(),
    runs: text(RUNS).optional().describe('Only in the cases of these names.'),
    until: z
      .string(wanted(DATE))
      .refine(isDay, wanted(DATE))
      .describe('The last day on which it is allowed, as YYYY-MM-DD (UTC).'),
    reason: text('why it is allowed, such as a link to the issue').describe('Why it is allowed.'),
  },
  'a known fault',
);

const RUN = 'a run: an object, with "candidate" where it is a dump';
const run = z.union([engineRun, DUMP_RUN], wanted(RUN));

/** What a gate holds the engine to. */
export const CONFIG = strict(
  {
    $schema: z.string().optional(),
    baselines: z
      .union([text('a folder'), z.literal(false)], wanted('a folder, or false for none'))
      .optional()
      .describe('The folder of the baselines ("dumps/baselines"); false: there are none, and nothing worsens.'),
    worsening: strict(
      {
        factor: z
          .number(wanted('a factor above 1, such as 4'))
          .gt(1, wanted('a factor above 1, such as 4'))
          .describe('How many times worse than in the baseline a delta may get (4).'),
      },
      'the limit of worsening',
    ).optional(),
    runs: z
      .array(run, wanted('a list of runs'))
      .min(1, wanted('at least one run'))
      .describe('What is run: each model, in each quantisation, on each engine, with each prompt, is a case.'),
    limits: z
      .array(limit, wanted('a list of limits'))
      .optional()
      .describe('Other margins and minimums for some stages; a later entry goes before an earlier one.'),
    known: z
      .array(known, wanted('a list of known faults'))
      .optional()
      .describe('Faults that are allowed until a date, with all that inherits from them.'),
  },
  'the configuration',
);

/** As it is written. */
export type GateConfig = z.input<typeof CONFIG>;
export type EngineRunConfig = z.output<typeof engineRun>;
export type DumpRunConfig = z.output<typeof DUMP_RUN>;
export type PromptConfig = z.output<typeof prompt>;

/** A JSON Schema of the configuration, for editors. */
export function configSchema(): object {
  const { $schema, ...rest } = z.toJSONSchema(CONFIG, { io: 'input', unrepresentable: 'any' });
  return { $schema, title: 'llama-probe gate', description: `Stages: ${STAGE_NAMES.join(', ')}.`, ...rest };
}
