import { z } from 'zod';

const pattern = z
  .string()
  .min(1)
  .describe('A name in the file: {layer} stands for the number of the layer, * for anything. "model.{layer}.attn.q"');
const stage = z
  .string()
  .min(1)
  .describe('The stage that it is, such as "q_proj"; llama.cpp\'s names are in docs/dump-format.md.');
const layer = z
  .int()
  .min(0)
  .nullable()
  .describe('The layer, as the file counts it, of a name that has no {layer}; null without it.');
const columns = z
  .tuple([z.int().min(0), z.int().min(1)])
  .describe('Only these columns of each row, from the first up to the last, which is not one of them: [0, 256].');

const every = z
  .int()
  .min(1)
  .describe(
    'The columns again so many further on, to the end of the row, where Q, K and V of one product alternate by heads: 192 for heads of 64.',
  );
const source = z
  .string()
  .min(1)
  .describe('The line of your code that computes it, for reports and annotations: "src/attention.rs:212".');

/** How an array becomes a stage. */
export const ENTRY = z.union([
  z
    .strictObject({
      name: pattern,
      stage,
      layer: layer.optional(),
      columns: columns.optional(),
      every: every.optional(),
      source: source.optional(),
    })
    .refine(
      ({ columns, every }) => every === undefined || columns !== undefined,
      '"every" says where "columns" come again: give both',
    ),
  z.strictObject({
    sum: z.tuple([pattern, pattern]).describe('Two arrays of one shape whose sum the stage is.'),
    stage,
    layer: layer.optional(),
    source: source.optional(),
  }),
  z.strictObject({ name: pattern, ignore: z.literal(true).describe('It is no stage.') }),
]);

/** A mapping file. */
export const MAPPING = z.strictObject({
  $schema: z.string().optional(),
  layersFrom: z
    .union([z.literal(0), z.literal(1)])
    .optional()
    .describe('The number of the first layer (0).'),
  tokens: z.string().min(1).optional().describe('The name of the array with the token ids.'),
  tensors: z
    .array(ENTRY)
    .optional()
    .describe('What arrays are. Of several entries for a name, all hold. Other names are read as without this file.'),
});

export type Mapping = z.output<typeof MAPPING>;
export type MappingEntry = z.output<typeof ENTRY>;

/** As JSON Schema, for editors. */
export function mappingSchema(): object {
  const { $schema, ...rest } = z.toJSONSchema(MAPPING, { io: 'input' });
  return { $schema, title: 'How the arrays of a file are stages: --map', ...rest };
}
