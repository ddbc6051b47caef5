// {{about}}
import { readFileSync } from 'node:fs';

// {{limit}}

function load(name) {
  const bytes = readFileSync(new URL(name, import.meta.url));
  const begin = 10 + bytes.readUInt16LE(8);
  const [, rows, columns] = /\((\d+), (\d+)\)/.exec(bytes.toString('latin1', 10, begin)).map(Number);
  const values = Float64Array.from({ length: rows * columns }, (_, i) => bytes.readFloatLE(begin + 4 * i));
  return { rows, columns, values };
}

/** The relative RMS distance over what no mask hides. */
function distance(rows, expected) {
  if (rows.rows !== expected.rows || rows.columns !== expected.columns) {
    throw new Error(`wanted ${expected.rows} × ${expected.columns} values, got ${rows.rows} × ${rows.columns}`);
  }
  let [delta, size] = [0, 0];
  expected.values.forEach((value, i) => {
    if (Number.isNaN(value)) return;
    delta += (rows.values[i] - value) ** 2;
    size += value ** 2;
  });
  return Math.sqrt(delta) / Math.max(Math.sqrt(size), 1e-300);
}

function report(expected, yours) {
  const own = distance(yours, expected);
  const isRight = own <= LIMIT; // NaN is not
  console.log(`right.npy  ${distance(load('right.npy'), expected).toExponential(2)} from float64`);
  console.log(`wrong.npy  ${distance(load('wrong.npy'), expected).toExponential(2)}`);
  console.log(`yours      ${own.toExponential(2)}, limit ${LIMIT.toExponential(2)}: ${isRight ? 'right' : 'WRONG'}`);
  return isRight ? 0 : 1;
}

// {{functions}}

// The inputs, as the engine had them.
// {{inputs}}

// The operation, in float64.
// {{steps}}

// >>> Call your own function here, on the inputs above. As it is, these are the rows that the engine computed.
const yours = load('wrong.npy');
// <<<

process.exit(report(expected, yours));
