import { type ComparisonDocument, documentOf, outcomeOf } from '@llama-probe/comparison/ask';
import {
  type BeforeAfter,
  beforeAndAfter,
  type ChangesDocument,
  changesPage,
  changesText,
  color,
  headlineLine,
  MARKS,
  tameAll,
  tameReport,
  writeWhole,
} from '@llama-probe/report';
import { readDocument } from '@llama-probe/report/read-document';
import { COMPARISON } from '@llama-probe/report/schema';

/** Two reports, and what changed from one to the other. */
export interface ReadChanges {
  readonly before: ComparisonDocument;
  readonly after: ComparisonDocument;
  readonly changes: BeforeAfter;
}

/** `probe changes BEFORE AFTER`. @throws UsageError where a file is no report */
export function readChanges(beforePath: string, afterPath: string): ReadChanges {
  const [before, after] = [read(beforePath), read(afterPath)];
  return { before, after, changes: beforeAndAfter(before, after) };
}

const read = (path: string): ComparisonDocument =>
  readDocument(path, {
    kind: 'comparison',
    is: 'the report of a comparison',
    wanted: 'wanted what probe compare --json or probe diff --json printed',
    schema: COMPARISON,
  }) as ComparisonDocument;

export const changesDocument = ({ changes }: ReadChanges): ChangesDocument => documentOf('changes', changes);

export function changesReport({ before, after, changes }: ReadChanges): string {
  const paint = { agree: color.green, diverged: color.red, incomparable: color.yellow }[after.verdict];
  const { answer, broke, differences } = tameAll(changes);
  return [
    paint(`${MARKS[after.verdict]} ${answer}`),
    '',
    `before  ${headlineLine(tameReport(before))}`,
    `after   ${headlineLine(tameReport(after))}`,
    '',
    broke,
    changesText(changes),
    ...(differences.length > 0 ? ['', 'run otherwise than before:'] : []),
    ...differences.map(({ what, before, after }) => `  ${what}: ${before} → ${after}`),
  ].join('\n');
}

/** Both reports as one page. @param path of the file, or - for standard output */
export function changesPageOf(
  { before, after, changes }: ReadChanges,
  path: string,
  print: (page: string) => void,
): void {
  const page = changesPage(outcomeOf(before), outcomeOf(after), changes);
  if (path === '-') print(page);
  else writeWhole('--html', path, page);
}
