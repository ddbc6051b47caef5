import { nearest } from '@llama-probe/comparison/ask';
import { z } from 'zod';

/** The text of an issue: what was wanted. What was found is put before it. */
export const wanted = (what: string) => ({ error: `wanted ${what}` });

/** An object whose unknown keys are mistakes: a misspelt limit must not become no limit. */
export function strict<Shape extends z.core.$ZodLooseShape>(
  shape: Shape,
  what: string,
): z.ZodObject<Shape, z.core.$strict> {
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== 'unrecognized_keys') return `wanted ${what}`;
      const names = Object.keys(shape);
      const [key = ''] = issue.keys as string[];
      return `"${key}" is no key of ${what}; did you mean "${nearest(key, names)}"? There are ${names.join(', ')}.`;
    },
  });
}

export const text = (what: string) => z.string(wanted(what)).min(1, wanted(what));
export const count = (what: string) => z.int(wanted(what)).min(0, wanted(what)).max(100_000, wanted(what));
export const amount = (what: string) => z.number(wanted(what)).min(0, wanted(what));

const STAGES = 'a glob over stage names or a list of them, such as "ffn_*" or ["kq", "kq_soft_max"]';
export const stages = z.union(
  [text(STAGES), z.array(text(STAGES), wanted(STAGES)).min(1, wanted(STAGES))],
  wanted(STAGES),
);

const LAYERS = 'layers such as "0,2-4"';
export const layers = z
  .string(wanted(LAYERS))
  .regex(/^\s*\d{1,6}(-\d{1,6})?(\s*,\s*\d{1,6}(-\d{1,6})?)*\s*$/, wanted(LAYERS));

export const RUNS = 'a glob over the names of cases, such as "*-Q4_K-*"';
export const DATE = 'a day as YYYY-MM-DD, such as "2026-12-31"';
export const isDay = (value: string): boolean => {
  const time = Date.parse(`${value}T00:00:00Z`);
  return /^\d{4}-\d{2}-\d{2}$/.test(value) && !Number.isNaN(time) && new Date(time).toISOString().startsWith(value);
};

export const margin = amount('how many times its floor a delta may be, such as 10').describe(
  'How many times its floor a delta may be.',
);
export const minimum = amount('what a relative RMS delta may always be, such as 1e-5').describe(
  'What a relative RMS delta may always be.',
);

const IDS = 'token ids, such as [1, 15043]';
const id = z.int32(wanted(IDS)).min(0, wanted(IDS));
export const ids = z.array(id, wanted(IDS)).min(1, wanted(IDS));
export const prompt = z.union(
  [
    text('text that is not empty'),
    strict(
      {
        name: text('a name for the case')
          .optional()
          .describe('What the case is called; made of the prompt without it.'),
        text: text('text that is not empty').optional(),
        file: text('the path of a text file').optional().describe('A file with the text.'),
        tokens: ids.optional().describe('Token ids instead of text.'),
        chat: z.boolean(wanted('true or false')).optional().describe("Put the text through the model's chat template."),
      },
      'a prompt: text, or an object with one of text, file and tokens',
    ).refine(
      ({ text, file, tokens }) => [text, file, tokens].filter((one) => one !== undefined).length === 1,
      wanted('one of text, file and tokens'),
    ),
  ],
  wanted('a prompt: text, or an object with one of text, file and tokens'),
);

export const QUANTIZE = 'a type such as "Q4_K_M", or a list of them; null stands for the file as it is';
export const type = z.union([text(QUANTIZE), z.null()], wanted(QUANTIZE));
export const oneOf = (names: readonly string[]) => `one of ${names.map((name) => `"${name}"`).join(', ')}`;
