import { damaged } from '../errors.js';

/** A node of the graph as llama.cpp's debug callback prints it. */
export interface PrintedNode {
  /** @example 'Qcur-0' */
  readonly name: string;
  /** @example 'MUL_MAT' */
  readonly op: string;
  /** The names of what it is computed from. */
  readonly sources: readonly string[];
  /** Elements of each dimension, fastest first. */
  readonly ne: readonly [number, number, number, number];
  /** Where each printed value is, in the order of the values. */
  readonly at: readonly (readonly [i0: number, i1: number, i2: number])[];
  readonly values: readonly number[];
  /** Half of the last printed digit. */
  readonly half: number;
  /** Of all its elements; undefined where none was printed. */
  readonly sum: number | undefined;
}

// `common_debug_cb_eval:   Qcur-0 = (f32)    MUL_MAT(blk.0.attn_q.weight{64, 64, 1, 1}, attn_norm-0{64, 7, 1, 1}}) = {64, 7, 1, 1}`
const HEAD = /\w+:\s+(\S.*?) = \((\w+)\)\s+(\S+?)\((.*)\) = \{(\d+), (\d+), (\d+), (\d+)\}$/;
const NUMBER = String.raw`-?(?:\d+\.\d+|nan|inf)`;
const ROW = new RegExp(String.raw`\[\s*((?:${NUMBER}|\.\.\.)(?:\s*,\s*(?:${NUMBER}|\.\.\.))*)\s*,?\s*\]\s*,?$`, 'i');
const SUM = new RegExp(String.raw`\bsum\s+=\s+(${NUMBER})$`, 'i');
const MOST_VALUES = 1 << 12; // of a node: llama.cpp prints at most six of a dimension

/** The name and the sizes of a node by the line that it begins with; undefined for any other line. */
export function headOf(line: string): Pick<PrintedNode, 'name' | 'op' | 'sources' | 'ne'> | undefined {
  const [, name = '', , op = '', from = '', ...sizes] = HEAD.exec(line) ?? [];
  if (sizes.length === 0) return undefined;
  const sources = [...from.matchAll(/(\S[^{}]*?)\{\d+, \d+, \d+, \d+\}/g)].map(([, source = '']) =>
    source.replace(/^, /, ''),
  );
  return { name, op, sources, ne: sizes.map(Number) as unknown as PrintedNode['ne'] };
}

/**
 * Takes one node after another out of the lines of a log. Between them may be anything, as other parts of a program print too.
 *
 * The format: common/debug.cpp of llama.cpp, and examples/eval-callback before that. A dimension of more than twice so many has its first and
 * last three; `...` stands for what is between, in a row, between rows and between planes.
 *
 * @throws DumpError where a row does not have as many values as its node's sizes say
 */
export class NodeReader {
  private head: ReturnType<typeof headOf>;
  private at: [number, number, number][] = [];
  private values: number[] = [];
  private half = 0;
  private sum: number | undefined;
  private depth = 0;
  private row = 0;
  private plane = 0;
  private isFirst = true;

  constructor(private readonly path: string) {}

  /** @returns the node that is complete, now that another one begins */
  add(line: string): PrintedNode | undefined {
    const head = headOf(line);
    if (head) {
      const done = this.end();
      this.head = head;
      return done;
    }
    if (this.head && this.sum === undefined) this.inside(this.head, line);
    return undefined;
  }

  /** The last node. */
  end(): PrintedNode | undefined {
    const { head, at, values, half, sum } = this;
    this.head = undefined;
    [this.at, this.values, this.half, this.sum] = [[], [], 0, undefined];
    [this.depth, this.row, this.plane, this.isFirst] = [0, 0, 0, true];
    return head && values.length > 0 ? { ...head, at, values, half, sum } : undefined;
  }

  private inside(head: NonNullable<ReturnType<typeof headOf>>, line: string): void {
    const row = ROW.exec(line)?.[1];
    const sum = SUM.exec(line)?.[1];
    const bare = /(?:^|\s)(\[|\],?|\.\.\.,)$/.exec(line)?.[1]?.[0];
    if (sum !== undefined) this.sum = number(sum);
    else if (row !== undefined) this.addRow(head, row);
    else if (bare === '[') this.depth++;
    else if (bare === ']') {
      if (--this.depth === 1) [this.plane, this.row] = [this.plane + 1, 0];
      if (this.depth === 0) this.isFirst = false; // further ones are other sequences
    } else if (bare === '.') {
      if (this.depth === 1) this.plane = Math.max(this.plane, head.ne[2] - this.plane);
      else this.row = Math.max(this.row, head.ne[1] - this.row);
    }
  }

  private addRow({ name, ne }: NonNullable<ReturnType<typeof headOf>>, text: string): void {
    if (!this.isFirst) return;
    const parts = text.split(',').map((part) => part.trim());
    const gap = parts.indexOf('...');
    const count = parts.length - (gap < 0 ? 0 : 1);
    const fits = gap < 0 ? count === ne[0] : count < ne[0] && parts.indexOf('...', gap + 1) < 0;
    if (!fits || this.row >= ne[1] || this.plane >= ne[2] || this.values.length + count > MOST_VALUES) {
      const what = `${name}, {${ne.join(', ')}}, has ${gap < 0 ? '' : 'more than '}${count} values in row ${this.row} of ${this.plane}`;
      throw damaged(this.path, what);
    }
    for (const [i, part] of parts.entries()) {
      if (i === gap) continue;
      this.at.push([gap < 0 || i < gap ? i : ne[0] - parts.length + i, this.row, this.plane]);
      this.values.push(number(part));
      this.half ||= 0.5 * 10 ** -(part.split('.')[1]?.length ?? 0);
    }
    this.row++;
  }
}

const WORDS: Readonly<Record<string, number>> = {
  nan: Number.NaN,
  '-nan': Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  '-inf': Number.NEGATIVE_INFINITY,
};

const number = (text: string): number => WORDS[text.toLowerCase()] ?? Number(text);
