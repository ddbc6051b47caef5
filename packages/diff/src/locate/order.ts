import type { Region } from './region.js';
import { orderTest, type Source } from './units.js';
import type { Kind } from './where.js';

/** Whole heads that hold the right values of other heads. */
export function otherHeads(region: Region, limit: number): Kind | undefined {
  const { heads, width, columns } = region;
  const size = width / heads;
  const holds: number[] = [];
  for (let head = 0; head < heads; head++) {
    let found = head;
    if (columns.subarray(head * size, (head + 1) * size).includes(1)) {
      const fits = orderTest(region, limit, size, head * size);
      found = 0;
      while (found < heads && (found === head || !fits((i) => (found - head) * size + i))) found++;
      if (found === heads) return undefined;
    }
    holds.push(found);
  }
  if (new Set(holds).size === heads) return { kind: 'permutation', within: 'row', order: headOrder(holds) };
  const others = holds.map((held, head) => ({ head, holds: held }));
  return { kind: 'other-head', heads: others.filter(({ head, holds }) => head !== holds) };
}

function headOrder(holds: readonly number[]): string {
  const count = holds.length;
  const moved = holds.flatMap((held, head) => (held === head ? [] : [head]));
  const is = (source: Source) => holds.every((held, head) => held === source(head));
  if (moved.length === 2) return `heads ${moved.join(' and ')} exchanged`;
  for (const rows of divisors(count)) {
    if (is(transposed(rows, count))) return `heads tiled instead of grouped, ${rows} groups of ${count / rows}`;
  }
  if (is((head) => count - 1 - head)) return 'heads reversed';
  const by = (count - (holds[0] as number)) % count;
  if (is(rotated(by, count))) return `heads rotated by ${by}`;
  return `heads in the order ${holds.slice(0, 16).join(', ')}${count > 16 ? ', …' : ''}`;
}

/** Orders that mistakes make, within each head, the row, or each quantisation block. */
export function knownOrder(region: Region, limit: number): Kind | undefined {
  const { heads, width } = region;
  const places = [
    ...(heads > 1 ? [{ within: 'head', size: width / heads } as const] : []),
    { within: 'row', size: width } as const,
    ...[32, 64, 128, 256]
      .filter((size) => width % size === 0 && size < width && size * heads !== width)
      .map((size) => ({ within: 'block', size }) as const),
  ];
  for (const { within, size } of places) {
    if (size < 3) continue;
    const fits = orderTest(region, limit, size);
    for (const [source, name] of knownOrders(size, within !== 'block')) {
      if (!fits(source)) continue;
      return { kind: 'permutation', within, order: within === 'block' ? `${name} in each block of ${size}` : name };
    }
  }
  return undefined;
}

function* knownOrders(size: number, rotations: boolean): Generator<[Source, string]> {
  for (const rows of divisors(size)) {
    const name = rows === 2 ? 'adjacent pairs instead of halves' : `transposed as ${rows} × ${size / rows}`;
    yield [transposed(rows, size), size / rows === 2 ? 'halves instead of adjacent pairs' : name];
  }
  yield [(i) => size - 1 - i, 'reversed'];
  for (let by = 1; rotations && by < size; by++) {
    const name = by <= size / 2 ? `rotated by ${by}` : `rotated by ${by - size}`;
    yield [rotated(by, size), name];
  }
}

/** The transpose of a matrix of `rows` × size / rows. */
function transposed(rows: number, size: number): Source {
  const columns = size / rows;
  return (i) => (i % rows) * columns + Math.floor(i / rows);
}

function rotated(by: number, size: number): Source {
  return (i) => (i < by ? i - by + size : i - by);
}

/** The divisors of n but 1 and itself. */
function divisors(n: number): number[] {
  const all: number[] = [];
  for (let i = 2; i <= n / 2; i++) if (n % i === 0) all.push(i);
  return all;
}
