import { operationOf } from '../../case.js';
import type { Operation } from '../../stage-operations.js';
import type { Idea, Wrong } from '../wrong.js';
import { add } from './add.js';
import { ids } from './embedding.js';
import { gated } from './gate.js';
import { norm } from './norm.js';
import { otherWeight } from './other-weight.js';
import { inputBlocks } from './product.js';
import { positions } from './rope.js';
import { scores } from './scores.js';
import { softMax } from './soft-max.js';
import { unchanged } from './unchanged.js';
import { values } from './values.js';
import { bias, normWeight } from './weight.js';

/** Backwards from the rows to what a stage was computed from. */
const BY_OPERATION: Readonly<Partial<Record<Operation, readonly ((wrong: Wrong) => Iterable<Idea>)[]>>> = {
  'get-rows': [ids],
  'rms-norm': [norm],
  mul: [normWeight],
  product: [bias, otherWeight, inputBlocks],
  bias: [bias],
  rope: [positions],
  scores: [scores],
  'soft-max': [softMax],
  values: [values],
  swiglu: [gated],
  add: [add],
};

/** What must have been there for the rows to be what they are: an operation solved for one of its inputs. */
export function* solve(wrong: Wrong): Generator<Idea> {
  yield* unchanged(wrong);
  for (const look of BY_OPERATION[operationOf(wrong.c).op] ?? []) yield* look(wrong);
}
