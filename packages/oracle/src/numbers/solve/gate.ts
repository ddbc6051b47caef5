import { operationOf } from '../../case.js';
import { ACTIVATIONS } from '../../variants/activations.js';
import { filled } from '../filled.js';
import type { Idea, Wrong } from '../wrong.js';
import { elsewhere, inputsOf } from './inputs.js';

/** act(gate) · up is linear in up: what must it have been? */
export function* gated(wrong: Wrong): Generator<Idea> {
  const { c, sick, rows } = wrong;
  const [gate, up] = inputsOf(c);
  if (!gate || !up || gate.rows.length !== sick.length || up.rows.length !== sick.length) return;
  const act = ACTIVATIONS[operationOf(c).activation ?? 'silu'];
  const through = gate.rows.map(act);
  const solved = filled(sick.length, (i) => (sick[i] as number) / (through[i] as number));
  // Where the gate is nearly shut up is not known.
  const least = through.reduce((a, b) => Math.min(a, Math.abs(b)), 1);
  const noise = Math.min(1 / Math.max(least, 1e-9), 100);
  yield* elsewhere(wrong, { name: up.name, solved, right: up.rows, rows, noise }, (moved) =>
    moved.map((value, i) => value * (through[i] as number)),
  );
}
