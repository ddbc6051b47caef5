import type {
  Captured,
  ComparisonDocument,
  Document,
  Failure,
  Itself,
  Repeated,
  ServerReport,
  TextReport,
  Tokenized,
} from '@llama-probe/comparison';
import type { GateResult } from '@llama-probe/gate';
import type { ChangesDocument } from '@llama-probe/report';
import {
  agreed,
  BUGS,
  CAPTURE,
  CHANGES,
  CHECK,
  COMPARISON,
  DOCTOR,
  FAILURE,
  GATE,
  IMPORT,
  INSPECTION,
  ITSELF,
  REPEAT,
  REPRO,
  SERVER,
  TEXT,
  TOKENIZE,
  WEIGHTS,
  WEIGHTS_COMPARISON,
} from '@llama-probe/report/schema';
import type { Repro } from '@llama-probe/repro';
import type { WeightsComparison, WeightsReport } from '@llama-probe/weights';
import { z } from 'zod';
import type { BugsReport } from './commands/bugs.js';
import type { CheckReport } from './commands/check.js';
import type { Doctor } from './commands/doctor.js';
import type { Imported } from './commands/import.js';
import type { Inspection } from './commands/inspect.js';

type InspectionHead = Omit<Inspection, 'metadata'> & {
  readonly metadata: Pick<Inspection['metadata'], 'producer' | 'tokens' | 'prompt'>;
};

/** Of each kind of document its schema, which agrees with the type that the command has of it. */
export const SCHEMAS = {
  changes: agreed<ChangesDocument>()(CHANGES),
  comparison: agreed<ComparisonDocument>()(COMPARISON),
  failure: agreed<Failure>()(FAILURE),
  gate: agreed<GateResult>()(GATE),
  capture: agreed<Document<'capture', Captured>>()(CAPTURE),
  import: agreed<Document<'import', Imported>>()(IMPORT),
  repro: agreed<Document<'repro', Repro>>()(REPRO),
  check: agreed<Document<'check', CheckReport>>()(CHECK),
  doctor: agreed<Document<'doctor', Doctor>>()(DOCTOR),
  bugs: agreed<Document<'bugs', BugsReport>>()(BUGS),
  inspection: agreed<Document<'inspection', InspectionHead>>()(INSPECTION),
  itself: agreed<Document<'itself', Itself>>()(ITSELF),
  repeat: agreed<Document<'repeat', Repeated>>()(REPEAT),
  server: agreed<Document<'server', ServerReport>>()(SERVER),
  text: agreed<Document<'text', TextReport>>()(TEXT),
  tokenize: agreed<Document<'tokenize', Tokenized>>()(TOKENIZE),
  weights: agreed<Document<'weights', WeightsReport>>()(WEIGHTS),
  'weights-comparison': agreed<Document<'weights-comparison', WeightsComparison>>()(WEIGHTS_COMPARISON),
};

/** As JSON Schema, by kind. */
export function jsonSchemas(): Record<string, object> {
  const entries = Object.entries(SCHEMAS).map(([kind, schema]) => [kind, z.toJSONSchema(schema, { override })]);
  return Object.fromEntries(entries);
}

/** zod says of every whole number that it is a safe one. */
function override({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
}
