import { describe, expect, test } from 'vitest';
import { covariance, Mean, percentile } from '../src/text/estimate.js';
import { logProbs, scoreOf } from '../src/text/score.js';
import { Statistics } from '../src/text/statistics.js';

const ln = Math.log;
/** Logits whose softmax these probabilities are. */
const of = (...probabilities: number[]) => Float32Array.from(probabilities, (p) => ln(p) + 3);

describe('the score of a position', () => {
  test('is what the definitions give by hand', () => {
    const score = scoreOf(logProbs(of(0.5, 0.25, 0.25)), of(0.25, 0.5, 0.25), 1);
    // ½ ln(½ / ¼) + ¼ ln(¼ / ½) + ¼ ln 1
    expect(score.kl).toBeCloseTo(0.25 * ln(2), 6);
    expect(score).toMatchObject({ reference: 0, candidate: 1, rank: 1 });
    expect(score.nll?.reference).toBeCloseTo(ln(4), 6);
    expect(score.nll?.candidate).toBeCloseTo(ln(2), 6);
  });

  test('leaves out what is less probable than e⁻¹⁶, as llama.cpp does', () => {
    const rare = Math.exp(-17);
    const [reference, candidate] = [of(1 - rare, rare), of(0.5, 0.5)];
    expect(scoreOf(logProbs(reference), candidate).kl).toBeCloseTo((1 - rare) * ln((1 - rare) / 0.5), 6);
  });

  test.each([
    ['NaN', [0, Number.NaN, 1]],
    ['infinity', [0, Number.POSITIVE_INFINITY, 1]],
    ['nothing where the reference has something', [Number.NEGATIVE_INFINITY, 0, 1]],
  ])('is infinite where the candidate has %s', (_, logits) => {
    expect(scoreOf(logProbs(of(0.5, 0.25, 0.25)), Float32Array.from(logits)).kl).toBe(Number.POSITIVE_INFINITY);
  });

  test('of logits that are large does not overflow', () => {
    const large = Float32Array.of(1e4, 1e4 - 1);
    expect(scoreOf(logProbs(large), large, 0).nll?.candidate).toBeCloseTo(ln(1 + Math.exp(-1)), 6);
  });
});

describe('estimates', () => {
  test('have the uncertainty of the mean, from more than ten values on', () => {
    const mean = new Mean();
    for (let i = 0; i < 10; i++) mean.add(i % 2);
    expect(mean.estimate()).toEqual({ value: 0.5, uncertainty: 0 });
    mean.add(0);
    mean.add(1);
    // The variance of 6 zeros and 6 ones is ¼, over 12 − 1.
    expect(mean.estimate().uncertainty).toBeCloseTo(Math.sqrt(0.25 / 11), 12);
  });

  test('covariance of the same is the variance of the mean', () => {
    const [a, b] = [new Mean(), new Mean()];
    let products = 0;
    for (const x of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]) {
      a.add(x);
      b.add(-x);
      products += x * -x;
    }
    expect(covariance(a, b, products)).toBeCloseTo(-(a.estimate().uncertainty ** 2), 12);
  });

  test('percentiles lie between two values in proportion', () => {
    expect(percentile([0, 10, 20, 30, 40], 0.5)).toBe(20);
    expect(percentile([0, 10, 20, 30], 0.5)).toBe(15);
    expect(percentile([0, 10, 20, 30, 40], 0.99)).toBeCloseTo(39.6, 12);
    expect(percentile([7], 0.001)).toBe(7);
  });
});

describe('the statistics of a text', () => {
  test('are those of its positions', () => {
    const statistics = new Statistics();
    const [half, quarter] = [of(0.5, 0.5), of(0.25, 0.75)];
    for (let i = 0; i < 6; i++) {
      statistics.add(scoreOf(logProbs(half), half, 0));
      statistics.add(scoreOf(logProbs(quarter), of(0.75, 0.25), 0));
    }
    const { perplexity, kl, deltaP, sameTop, rank, positions } = statistics.result();
    expect(positions).toBe(12);
    // exp of the mean of ln 2 and ln 4, and of ln 2 and ln 4/3
    expect(perplexity?.reference.value).toBeCloseTo(Math.sqrt(8), 6);
    expect(perplexity?.candidate.value).toBeCloseTo(Math.sqrt(8 / 3), 6);
    expect(perplexity?.logRatio.value).toBeCloseTo(-ln(3) / 2, 6);
    expect(perplexity?.reference.uncertainty).toBeCloseTo(Math.sqrt(8) * Math.sqrt((ln(2) / 2) ** 2 / 11), 6);
    expect(kl.mean.value).toBeCloseTo((0.5 * ln(3)) / 2, 6); // ¼ ln ⅓ + ¾ ln 3 every second time
    expect(kl.max).toBeCloseTo(0.5 * ln(3), 6);
    expect(kl.min).toBeCloseTo(0, 6);
    expect(deltaP?.mean.value).toBeCloseTo(0.25, 6);
    expect(deltaP?.rms.value).toBeCloseTo(Math.sqrt(0.125), 6);
    expect(sameTop.value).toBe(0.5);
    expect(sameTop.uncertainty).toBeCloseTo(Math.sqrt(0.25 / 11), 12);
    expect(rank).toMatchObject({ mean: 0.5, max: 1 });
  });

  test('count what is not finite, and leave it out', () => {
    const statistics = new Statistics();
    const fine = of(0.5, 0.5);
    statistics.add(scoreOf(logProbs(fine), fine, 0));
    statistics.add(scoreOf(logProbs(fine), Float32Array.of(Number.NaN, 0), 0));
    const { positions, notFinite, kl, perplexity } = statistics.result();
    expect([positions, notFinite]).toEqual([2, 1]);
    expect(kl.max).toBeCloseTo(0, 6);
    expect(perplexity?.candidate.value).toBeCloseTo(2, 6);
  });

  test('without a token that follows have no perplexity', () => {
    const statistics = new Statistics();
    const fine = of(0.5, 0.5);
    statistics.add(scoreOf(logProbs(fine), fine));
    expect(statistics.result()).toMatchObject({ positions: 1, followed: 0, perplexity: null, deltaP: null });
  });
});
