import type { Value } from '../recipe/recipe.js';
import type { Language } from './names.js';

/** How a language writes what a check is made of. */
export interface Writing {
  readonly file: string;
  readonly functions: string;
  /** How it is run in its folder. */
  readonly run: string;
  /** What it takes beside itself. */
  readonly needs: string;
  comment(text: string): string;
  limit(value: number): string;
  /** Names a value. @example 'let x = load("x.npy");' */
  assign(name: string, expression: string): string;
  quote(text: string): string;
  /** A matrix as an argument. */
  matrix(name: string): string;
  value(value: Value): string;
}

/** A number that is read back as the same, and as no whole number. */
function decimal(value: number): string {
  const text = String(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

/** What all have in common but how several numbers, and a choice, are written. */
const writtenAs =
  (several: (values: readonly number[]) => string, choice: (is: boolean) => string = String) =>
  (value: Value): string => {
    if ('count' in value) return String(value.count);
    if ('real' in value) return decimal(value.real);
    if ('counts' in value) return several(value.counts);
    return 'is' in value ? choice(value.is) : value.of;
  };

const slashes = (text: string): string => `// ${text}`;
const quote = (text: string): string => JSON.stringify(text);
const same = (name: string): string => name;

export const WRITING: Readonly<Record<Language, Writing>> = {
  python: {
    file: 'check.py',
    functions: 'python/functions.py',
    run: 'python3 check.py',
    needs: 'NumPy',
    comment: (text) => `# ${text}`,
    limit: (value) => `LIMIT = ${value}`,
    assign: (name, expression) => `${name} = ${expression}`,
    quote,
    matrix: same,
    value: writtenAs(
      (values) => `[${values.join(', ')}]`,
      (is) => (is ? 'True' : 'False'),
    ),
  },
  rust: {
    file: 'check.rs',
    functions: 'rust/functions.rs',
    run: 'rustc --edition 2021 -O check.rs && ./check',
    needs: 'nothing but the standard library',
    comment: slashes,
    limit: (value) => `const LIMIT: f64 = ${decimal(value)};`,
    assign: (name, expression) => `let ${name} = ${expression};`,
    quote,
    matrix: (name) => `&${name}`,
    value: writtenAs((values) => `&[${values.join(', ')}]`),
  },
  cpp: {
    file: 'check.cpp',
    functions: 'cpp/functions.cpp',
    run: 'c++ -std=c++17 -O1 check.cpp -o check && ./check',
    needs: 'nothing but the standard library',
    comment: slashes,
    limit: (value) => `const double LIMIT = ${decimal(value)};`,
    assign: (name, expression) => `Matrix ${name} = ${expression};`,
    quote,
    matrix: same,
    value: writtenAs((values) => `{${values.join(', ')}}`),
  },
  javascript: {
    file: 'check.mjs',
    functions: 'javascript/functions.mjs',
    run: 'node check.mjs',
    needs: 'Node.js and no package',
    comment: slashes,
    limit: (value) => `const LIMIT = ${value};`,
    assign: (name, expression) => `const ${name} = ${expression};`,
    quote: (text) => `'${text}'`,
    matrix: same,
    value: writtenAs((values) => `[${values.join(', ')}]`),
  },
};
