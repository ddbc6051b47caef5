import { mapRows } from '../operations.js';

/** What a router's logits go through before experts are chosen. @param x (tokens, width) */
export const ROUTERS = {
  softmax: (x: Float64Array, width: number): Float64Array =>
    mapRows(x, width, (row) => {
      const highest = row.reduce((a, b) => Math.max(a, b));
      const powers = row.map((logit) => Math.exp(logit - highest));
      const sum = powers.reduce((a, b) => a + b);
      return powers.map((power) => power / sum);
    }),
  sigmoid: (x: Float64Array): Float64Array => x.map((logit) => 1 / (1 + Math.exp(-logit))),
  nothing: (x: Float64Array): Float64Array => x.slice(),
};
