import { computeAllScores } from '../../compute.js';
import { hasAllScores } from '../../variants/scores.js';
import { formsOf, withValue } from '../constants/forms.js';
import { quantitiesOf } from '../constants/quantities.js';
import { recognise } from '../constants/recognise.js';
import { digits, counted as named } from '../words.js';
import { type Idea, positionOf, type Wrong } from '../wrong.js';
import { inputsOf } from './inputs.js';

/** What the probabilities say of the scores: by what they were multiplied, and which positions each row saw. */
export function* softMax(wrong: Wrong): Generator<Idea> {
  const { c, sick, rows, width } = wrong;
  const [input] = inputsOf(c);
  const { headCount: heads, attentionScale, maxAlibiBias } = c.model.config;
  if (maxAlibiBias !== undefined) return; // shares do not follow from scores alone
  if (!input || input.rows.length !== sick.length || sick.some((value) => !Number.isFinite(value) || value < 0)) return;
  const count = width / heads;
  const scores = hasAllScores(c) ? computeAllScores(c) : input.rows;
  const seen = seenBy(wrong, count);
  if (!seen) return;
  const isUnseen = seen.some((positions, row) =>
    positions.some((at) => !Number.isFinite(scores[row * width + at] as number)),
  );
  if (isUnseen) return; // nobody computed the scores of what it saw
  const told = maskInWords(wrong, seen);
  const compute = (scale: number) => probabilities(scores, seen, { heads, count, rows }, scale);
  if (told) yield { text: told, rows: compute(attentionScale) };
  const scale = scaleOf(wrong, scores, seen, count);
  if (!scale) return;
  yield { text: told ? `${scale.text}; ${told}` : scale.text, rows: compute(scale.value) };
}

/** What counts as no share at all. */
const NONE = 1e-12;

/** The positions that have a share in each row: the same in all heads, or nothing is known. Ascending. */
function seenBy({ sick, rows, width }: Wrong, count: number): number[][] | undefined {
  const seen: number[][] = [];
  for (let row = 0; row < rows; row++) {
    const positions: number[] = [];
    for (let at = 0; at < count; at++) {
      let there = 0;
      for (let i = row * width + at; i < (row + 1) * width; i += count) if ((sick[i] as number) > NONE) there++;
      if (there > width / count / 2) positions.push(at);
      else if (there > 0) return undefined;
    }
    if (positions.length === 0) return undefined;
    seen.push(positions);
  }
  return seen;
}

/** Which positions rows see that they should not, or do not see; undefined where that is as it should be. */
function maskInWords(wrong: Wrong, seen: readonly (readonly number[])[]): string | undefined {
  const { window } = wrong.c.model.config;
  const right = (row: number) => {
    const own = positionOf(wrong, row);
    const first = window === undefined ? 0 : Math.max(0, own - window + 1);
    return Array.from({ length: own - first + 1 }, (_, i) => first + i);
  };
  const off = seen.flatMap((positions, row) => (positions.join() === right(row).join() ? [] : [{ row, positions }]));
  if (off.length === 0) return undefined;
  const count = wrong.c.firstPosition + wrong.rows;
  if (off.every(({ positions }) => positions.length === count)) return 'every row sees every position';
  const widest = seen.reduce((most, { length }) => Math.max(most, length), 0);
  const isWindow = seen.every((positions, row) => {
    const own = positionOf(wrong, row);
    return (
      positions.length === Math.min(widest, own + 1) &&
      positions.at(-1) === own &&
      positions[0] === own - positions.length + 1
    );
  });
  if (isWindow && off.length > 1) return `no row sees more than ${counted('position', widest)}, its own among them`;
  const ahead = seen.map((positions, row) => (positions.at(-1) as number) - positionOf(wrong, row));
  const by = ahead.find((one) => one !== 0) ?? 0;
  const isAhead = seen.every((positions, row) => {
    const last = Math.min(positionOf(wrong, row) + by, count - 1);
    return positions[0] === 0 && positions.length === last + 1;
  });
  if (by !== 0 && isAhead && off.length > 1)
    return `every row sees ${counted('position', Math.abs(by))} ${by > 0 ? 'too many' : 'too few'}`;
  if (off.length > LISTED) return undefined;
  return off
    .map(({ row, positions }) => `token ${positionOf(wrong, row)} sees ${named('position', positions)}`)
    .join(', ');
}

/** Rows that are listed. */
const LISTED = 4;

const counted = (unit: string, count: number): string => `${count} ${unit}${count === 1 ? '' : 's'}`;

/** What the scores were multiplied by, in units of the right scale: by least squares over the logarithms of neighbouring shares. */
function scaleOf(
  { c, sick, width, rows }: Wrong,
  scores: Float64Array,
  seen: readonly (readonly number[])[],
  count: number,
): { readonly text: string; readonly value: number } | undefined {
  let [both, square, total2, pairs] = [0, 0, 0, 0];
  const { attentionScale } = c.model.config;
  seen.forEach((positions, row) => {
    for (let start = row * width; start < (row + 1) * width; start += count) {
      for (let i = 1; i < positions.length; i++) {
        const [a, b] = [start + (positions[i - 1] as number), start + (positions[i] as number)];
        if ((sick[a] as number) < 1e-4 || (sick[b] as number) < 1e-4) continue; // rounded too coarsely
        const x = attentionScale * ((scores[b] as number) - (scores[a] as number));
        const y = Math.log((sick[b] as number) / (sick[a] as number));
        both += x * y;
        square += x * x;
        total2 += y * y;
        pairs++;
      }
    }
  });
  if (pairs < 8 || !(square > 0)) return undefined;
  const value = both / square;
  const rest2 = Math.max(0, total2 - value * both);
  const within = Math.max(1e-6, 4 * Math.sqrt(rest2 / Math.max(total2, 1e-12) / rows));
  const forms = formsOf(c, quantitiesOf(c, width));
  const own = recognise(
    value * attentionScale,
    within,
    forms.filter(({ tier }) => tier < 2),
  );
  const times = recognise(
    value,
    within,
    forms.filter(({ tier }) => tier === 0),
  );
  const found = times ? times.value * attentionScale : own?.value;
  if (found === undefined || found === 0 || Math.abs(found / attentionScale - 1) <= within) return undefined;
  const right = `in place of ${digits(attentionScale)}`;
  // A plain multiple of the right scale may be a quantity's by chance.
  if (times)
    return {
      text: `the scores are multiplied by ${digits(found)} ${right}: ${times.formula} times as much`,
      value: found,
    };
  const meaning = own?.meaning === undefined ? '' : `: ${own.meaning}`;
  return {
    text: `the scores are multiplied by ${own ? withValue(own) : digits(found)} ${right}${meaning}`,
    value: found,
  };
}

function probabilities(
  scores: Float64Array,
  seen: readonly (readonly number[])[],
  { heads, count, rows }: { readonly heads: number; readonly count: number; readonly rows: number },
  scale: number,
): Float64Array {
  const shares = new Float64Array(rows * heads * count);
  seen.forEach((positions, row) => {
    for (let head = 0; head < heads; head++) {
      const start = (row * heads + head) * count;
      const logits = positions.map((at) => scale * (scores[start + at] as number));
      const highest = logits.reduce((a, b) => Math.max(a, b));
      const sum = logits.reduce((total, logit) => total + Math.exp(logit - highest), 0);
      positions.forEach((at, i) => {
        shares[start + at] = Math.exp((logits[i] as number) - highest) / sum;
      });
    }
  });
  return shares;
}
