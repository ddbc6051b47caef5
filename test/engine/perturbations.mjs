/** A generator of its own, for the same numbers in every run (mulberry32). */
const randomFrom = (seed) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
};
const normal = (random) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
const rmsOf = (rows) => {
  const all = rows.flatMap((row) => [...row]).filter(Number.isFinite);
  return Math.sqrt(all.reduce((sum, x) => sum + x * x, 0) / all.length);
};
/** Value by value: f(value, column, token). */
const by = (f) => (rows, context) => rows.map((row, t) => row.map((x, i) => f(x, i, t, { ...context, row })));
/** A factor, or an offset, for each column or token. */
const perColumn = (f) => (rows, context) => {
  const some = Array.from({ length: Math.max(...rows.map((row) => row.length)) }, () => context.random());
  return rows.map((row) => row.map((x, i) => f(x, some[i], context)));
};
const perToken = (f) => (rows, context) =>
  rows.map((row) => {
    const some = context.random();
    return row.map((x) => f(x, some, context));
  });
const shuffled = (n, random) => {
  const order = Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
};

/** What may become of a stage that is no known bug: (rows, { random, rms }) => rows. What a mask hides is NaN, and stays so. */
export const PERTURBATIONS = {
  'noise-of-1e-3': by((x, _, __, { random, rms }) => x + 1e-3 * rms * normal(random)),
  'noise-of-1e-2': by((x, _, __, { random, rms }) => x + 1e-2 * rms * normal(random)),
  'noise-of-1e-1': by((x, _, __, { random, rms }) => x + 0.1 * rms * normal(random)),
  'noise-as-large': by((x, _, __, { random, rms }) => x + rms * normal(random)),
  'noise-of-one-row': by((x, _, t, { random, rms }) => (t === 3 ? x + 0.1 * rms * normal(random) : x)),
  'noise-of-one-column': by((x, i, _, { random, rms }) => (i === 1 ? x + 0.3 * rms * normal(random) : x)),
  'noise-times': by((x, _, __, { random }) => x * (1 + 0.05 * normal(random))),
  'noise-of-some': by((x, _, __, { random, rms }) => (random() < 0.05 ? x + rms * normal(random) : x)),
  'noise-that-grows': by((x, _, t, { random, rms }) => x + 0.02 * t * rms * normal(random)),
  'noise-of-large-ones': by((x, _, __, { random, rms }) => (Math.abs(x) > rms ? x * (1 + 0.1 * normal(random)) : x)),
  'noise-of-small-ones': by((x, _, __, { random, rms }) =>
    Math.abs(x) < rms / 4 ? x + 0.1 * rms * normal(random) : x,
  ),
  'only-noise': by((_, __, ___, { random, rms }) => rms * normal(random)),
  'column-factors': perColumn((x, some) => x * (0.8 + 0.4 * some)),
  'column-offsets': perColumn((x, some, { rms }) => x + 0.4 * rms * (some - 0.5)),
  'column-signs': perColumn((x, some) => (some < 0.3 ? -x : x)),
  'columns-dropped': perColumn((x, some) => (some < 0.2 ? 0 : x)),
  'columns-shuffled': (rows, { random }) => {
    const order = shuffled(Math.min(...rows.map((row) => row.length)), random);
    return rows.map((row) => row.map((_, i) => row[order[i] ?? i]));
  },
  'token-factors': perToken((x, some) => x * (0.8 + 0.4 * some)),
  'token-offsets': perToken((x, some, { rms }) => x + 0.3 * rms * (some - 0.5)),
  'token-signs': (rows) => rows.map((row, t) => ([2, 3, 7].includes(t) ? row.map((x) => -x) : row)),
  'one-row-larger': by((x, _, t) => (t === 2 ? 1.037 * x : x)),
  'one-row-zero': by((x, _, t) => (t === 4 ? 0 : x)),
  'one-value-doubled': by((x, i, t) => (t === 5 && i === 3 ? 2 * x + 0.5 : x)),
  'one-column-shifted': by((x, i, _, { rms }) => (i === 2 ? x + rms : x)),
  'rows-averaged': (rows) => rows.map((row, t) => row.map((x, i) => 0.9 * x + 0.1 * (rows[t - 1]?.[i] ?? x))),
  'row-means-removed-by-half': (rows) =>
    rows.map((row) => {
      const mean = row.reduce((sum, x) => sum + (x || 0), 0) / row.length;
      return row.map((x) => x - 0.37 * mean + 0.01);
    }),
  'neighbours-mixed': by((x, i, _, { row }) => 0.8 * x + 0.2 * (row[i ^ 1] ?? x)),
  'running-sum': by((x, i, _, { row }) => x + 0.3 * (row[i - 1] || 0) + 0.1 * (row[i - 2] || 0)),
  'steps-of-a-third': by((x, _, __, { rms }) => Math.round(x / (0.37 * rms)) * 0.37 * rms),
  'steps-of-a-tenth': by((x, _, __, { rms }) => Math.floor(x / (0.11 * rms)) * 0.11 * rms),
  'squared-a-little': by((x, _, __, { rms }) => x + (0.1 * x * x) / rms),
  'cubed-a-little': by((x, _, __, { rms }) => x - (0.03 * x ** 3) / rms ** 2),
  'bent-by-sine': by((x, _, __, { rms }) => x + 0.2 * rms * Math.sin((3 * x) / rms)),
  'shrunk-at-zero': by((x, _, __, { rms }) => Math.sign(x) * Math.max(Math.abs(x) - 0.13 * rms, 0)),
  'signed-root': by((x, _, __, { rms }) => Math.sign(x) * Math.abs(x / rms) ** 0.8 * rms),
  'negative-ones-smaller': by((x) => (x < 0 ? 0.83 * x : x)),
  'positive-ones-larger': by((x, _, __, { rms }) => (x > 0 ? x + 0.09 * rms : x)),
  'a-wave-over-columns': by((x, i, _, { rms }) => x + 0.2 * rms * Math.sin(i / 2.3)),
  'a-slope-over-columns': by((x, i, _, { row }) => x * (1 + (0.3 * i) / row.length)),
  'a-wave-over-tokens': by((x, _, t) => x * (1 + 0.1 * Math.cos(1.7 * t))),
  'every-seventh-value': by((x, i, t) => ((i + 3 * t) % 7 === 0 ? 0.5 * x + 0.05 : x)),
  'first-half-other-factor': by((x, i, _, { row }) => x * (i < row.length / 2 ? 1.13 : 0.94)),
  'values-shuffled-in-a-row': (rows, { random }) =>
    rows.map((row) => {
      const order = shuffled(row.length, random);
      return row.map((x, i) => (Number.isNaN(x) || Number.isNaN(row[order[i]]) ? x : row[order[i]]));
    }),
  'half-and-noise': by((x, _, __, { random, rms }) => 0.5 * x + 0.05 * rms * normal(random)),
  'negative-and-noise': by((x, _, __, { random, rms }) => -x + 0.1 * rms * normal(random)),
};

/** What becomes of a stage of one layer. */
export function changeAt(kind, at, layer) {
  return (stage, il, rows) => {
    if (stage !== at || (il ?? layer) !== layer) return rows;
    const random = randomFrom([...`${kind}${at}`].reduce((sum, char) => (31 * sum + char.charCodeAt(0)) | 0, 7));
    return PERTURBATIONS[kind](rows, { random, rms: rmsOf(rows) });
  };
}
