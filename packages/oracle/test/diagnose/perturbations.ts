/** What no bug of the catalogue does: the rows (rows, width) become wrong in another way. `next` is random from −1 to 1. */
export type Perturbation = (x: Float32Array, width: number, next: () => number) => void;

export const rms = (x: Float32Array): number => Math.sqrt(x.reduce((sum, value) => sum + value * value, 0) / x.length);

const percentile = (x: Float32Array, share: number): number =>
  Float32Array.from(x, Math.abs).sort()[Math.floor(share * x.length)] as number;

const flipBit = (value: number, bit: number): number => {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  view.setUint32(0, view.getUint32(0) ^ (1 << bit));
  return view.getFloat32(0);
};

/** Each value of a row from a place of the same row. */
export const rearranged =
  (from: (i: number, width: number) => number): Perturbation =>
  (x, width) => {
    const right = x.slice();
    right.forEach((_, i) => {
      x[i] = right[i - (i % width) + from(i % width, width)] as number;
    });
  };

export const each =
  (f: (value: number, i: number, width: number, next: () => number) => number): Perturbation =>
  (x, width, next) => {
    x.forEach((value, i) => {
      x[i] = f(value, i, width, next);
    });
  };

export const PERTURBATIONS: Record<string, Perturbation> = {
  'noise of 1e-3 on a row': (x, width, next) => {
    const size = 1e-3 * rms(x);
    for (let i = width; i < 2 * width; i++) x[i] = (x[i] as number) + size * next();
  },
  'noise of 1e-2 on everything': each((value, _, __, next) => value * (1 + 1e-2 * next())),
  'two columns exchanged': rearranged((i) => (i === 3 ? 17 : i === 17 ? 3 : i)),
  'a stale row of another token': (x, width) => x.copyWithin(2 * width, 4 * width, 5 * width),
  'half a stale row': (x, width) => x.copyWithin(2 * width, 4 * width, 4 * width + (width >> 1)),
  'a row twice': (x, width) => x.copyWithin(3 * width, 2 * width, 3 * width),
  'rows rotated': (x, width) => {
    const first = x.slice(0, width);
    x.copyWithin(0, width);
    x.set(first, x.length - width);
  },
  'one side cut off': (x) => {
    const most = percentile(x, 0.8);
    each((value) => Math.min(value, most))(x, x.length, () => 0);
  },
  'int8 with one scale': (x) => {
    const step = percentile(x, 0.9999) / 127;
    each((value) => step * Math.round(value / step))(x, x.length, () => 0);
  },
  '4 bits in blocks of 16': (x) => {
    for (let at = 0; at < x.length; at += 16) {
      const block = x.subarray(at, at + 16);
      const step = block.reduce((a, b) => Math.max(a, Math.abs(b)), 0) / 7 || 1;
      block.forEach((value, i) => {
        block[i] = step * Math.round(value / step);
      });
    }
  },
  'f16 with 6 bits, four times': each((value) => {
    let rounded = value;
    for (let i = 0; i < 4; i++) {
      const unit = 2 ** (Math.floor(Math.log2(Math.abs(rounded) || 1)) - 6);
      rounded = unit * Math.round((rounded * 1.003) / unit);
    }
    return rounded;
  }),
  'a run of columns zeroed': each((value, i, width) => (i % width >= 8 && i % width < 13 ? 0 : value)),
  '1 % dropped out': each((value, i) => (i % 97 === 13 ? 0 : value)),
  'dropout with rescaling': each((value, i) => (i % 10 === 3 ? 0 : value / 0.9)),
  'a low-rank error': (x, width, next) => {
    const [left, right] = [Float32Array.from(x, next), Float32Array.from({ length: width }, next)];
    const size = 0.1 * rms(x);
    each((value, i) => value + size * (left[Math.floor(i / width)] as number) * (right[i % width] as number))(
      x,
      width,
      next,
    );
  },
  'columns shifted by one': rearranged((i, width) => (i + 1) % width),
  'columns shifted by one without wrapping': rearranged((i, width) => Math.min(i + 1, width - 1)),
  'the sign of a column': each((value, i, width) => (i % width === 7 ? -value : value)),
  'the signs of every other column': each((value, i) => (i % 2 ? -value : value)),
  'another mean': (x) => {
    const shift = 0.05 * rms(x);
    each((value) => value + shift)(x, x.length, () => 0);
  },
  'a gain for each column': each((value, i, width) => value * (1 + 0.3 * Math.sin(1 + (i % width) * 2.7))),
  'a gain for each row': each((value, i, width) => value * (1 + 0.1 * Math.sin(5 * Math.floor(i / width)))),
  'a window over the columns': each((value, i, width) => value * Math.sin((Math.PI * ((i % width) + 0.5)) / width)),
  smoothed: (x, width) => {
    const right = x.slice();
    const at = (i: number, row: number) =>
      right[row * width + Math.min(Math.max(i - row * width, 0), width - 1)] as number;
    each((_, i) => {
      const row = Math.floor(i / width);
      return (at(i - 1, row) + 2 * at(i, row) + at(i + 1, row)) / 4;
    })(x, width, () => 0);
  },
  'garbage in the tail': (x, width, next) => {
    const size = 10 * rms(x);
    for (let i = width - 5; i < width; i++) x[i] = size * next();
  },
  'the whole transposed': (x, width) => {
    const [right, rows] = [x.slice(), x.length / width];
    right.forEach((_, i) => {
      x[i] = right[(i % rows) * width + Math.floor(i / rows)] as number;
    });
  },
  checkerboard: each((value, i, width) => ((i + Math.floor(i / width)) % 2 ? 0 : value)),
  'columns in reverse': rearranged((i, width) => width - 1 - i),
  'an exponent bit of one value': (x, width) => {
    x[width + 3] = flipBit(x[width + 3] as number, 24);
  },
  'a fraction bit of many values': each((value, i) => (i % 11 === 5 ? flipBit(value, 20) : value)),
  'one value is NaN': (x, width) => {
    x[width + 3] = Number.NaN;
  },
  'a row is NaN': (x, width) => x.fill(Number.NaN, width, 2 * width),
  squared: each((value) => Math.sign(value) * value * value),
  'absolute values': each(Math.abs),
  'noise in place of it': (x, _, next) => {
    const size = rms(x);
    each(() => 2 * size * next())(x, x.length, next);
  },
};
