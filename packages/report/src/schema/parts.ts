import type { NonFinite } from '@llama-probe/comparison/ask';
import { z } from 'zod';

/** Plain data as its JSON may be typed: numbers may be none, and where there is one word there may be others some day. */
export type Loose<T> = T extends string
  ? string
  : T extends number
    ? number | NonFinite
    : T extends boolean | null | undefined
      ? T
      : { -readonly [Key in keyof T]: Loose<T[Key]> };

/** The same data, all of it writable: what a schema takes. */
export type Plain<T> = T extends string | number | boolean | null | undefined
  ? T
  : { -readonly [Key in keyof T]: Plain<T[Key]> };

/**
 * A schema that says all that a type says, and takes all that is of that type; anything else does not compile.
 *
 * @example agreed<Note>()(z.looseObject({ level: z.enum(['error', 'warning', 'notice']), text: z.string() })) // `at` is missing
 */
export const agreed =
  <T>() =>
  <Schema extends z.ZodType<Loose<T>>>(schema: Plain<T> extends z.input<Schema> ? Schema : never): Schema =>
    schema;

export const number = z
  .union([z.number(), z.strictObject({ number: z.enum(['NaN', 'Infinity', '-Infinity']) })])
  .meta({ id: 'number', description: 'A number; NaN and the infinities, which JSON has not, are objects.' });
export const count = z.int().min(0);
export const text = z.string();
export const verdict = z.enum(['agree', 'diverged', 'incomparable']);
export const milliseconds = z.record(z.string(), z.number());

/** A stage of a layer at a step. */
export const stageId = z.looseObject({ step: count, layer: count.nullable(), stage: text });
export const bothSides = <Schema extends z.ZodType>(of: Schema) => z.looseObject({ candidate: of, reference: of });

/** A count under each of these names. */
export const counts = <Name extends string>(...names: readonly Name[]) =>
  z.looseObject(Object.fromEntries(names.map((name) => [name, count])) as Record<Name, typeof count>);

/** How every document begins. */
export const head = <Kind extends string>(kind: Kind) => ({ schema: z.literal(1), kind: z.literal(kind) });

export const checked = {
  broken: z.array(stageId.extend({ check: text, order: count, token: count, found: number, wanted: number, text })),
  checked: counts(
    'finite',
    'rope-norm',
    'rope-identity',
    'softmax-range',
    'softmax-sum',
    'softmax-mask',
    'first-value',
    'attention-first',
    'residual',
    'cache',
  ),
  leftOut: z.array(z.looseObject({ check: text, reason: text })),
};
