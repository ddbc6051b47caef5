import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError, VERSION } from '@llama-probe/comparison/ask';
import { checkWritable, writeWhole } from '@llama-probe/report';
import { arrowFile, rowsOf } from '@llama-probe/report/tables';
import type { CaseFinding } from '../run/run-case.js';
import { DATASET_COLUMNS, type DatasetRow, type Sweep } from './columns.js';

/** What a reader of the files' metadata can rely on. */
export const DATASET_FORMAT = '1';

/** A folder of Arrow files, one for each case and run of it. To merge several is to put their files into one folder. */
export class Dataset {
  private constructor(
    private readonly folder: string,
    private readonly sweep: Sweep,
  ) {}

  /** @throws UsageError for a folder that cannot be made or written to */
  static open(folder: string, commit: string | null): Dataset {
    if (folder === '') throw new UsageError('--dataset: wanted a folder; got nothing.');
    try {
      mkdirSync(folder, { recursive: true });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new UsageError(`--dataset: ${folder} cannot be made (${code}): name a folder where you may write.`);
    }
    checkWritable('--dataset', join(folder, `.writable-${process.pid}`));
    return new Dataset(folder, { version: VERSION, commit });
  }

  /** Keeps a case as a file that is whole once it is there. */
  keep(finding: CaseFinding): void {
    const stamp = finding.time.replace(/[-:.]/g, '');
    writeWhole('--dataset', join(this.folder, `${finding.name}.${stamp}.arrow`), datasetFile(finding, this.sweep));
  }
}

/** A case's file: a row for each step and stage, or a single one if nothing was compared. */
export function datasetFile(finding: CaseFinding, sweep: Sweep): Uint8Array {
  const rows = rowsOf([finding]).map((row): DatasetRow => ({ sweep, finding, row }));
  return arrowFile(DATASET_COLUMNS, rows, { 'llama_probe.dataset': DATASET_FORMAT });
}
