import type { PageWhy, Pass } from '../../src/data.js';
import { count } from '../format.js';
import type { Run } from '../model.js';

interface Why extends PageWhy {
  /** There was one, and the page had no room for it. */
  readonly isLeftOut: boolean;
}

/** Why a stage is not right, and where inside it, in the run that is shown. */
export function whyOf(run: Run, at: number, pass: Pass): Why {
  const fault = run.faultOf.get(at);
  const verdict = run.data.stages.verdict[at];
  // What the free run found says nothing about right inputs, unless the stage could not be compared at all.
  const found = pass === 'free' || verdict === 'i' ? run.data.whys[at] : undefined;
  const where = fault?.where ?? found?.where;
  const reason = (pass === 'free' ? found?.reason : undefined) ?? fault?.reason ?? found?.reason;
  const isLeftOut = pass === 'free' && verdict !== 'a' && !where && !reason && run.data.whysLeft > 0;
  return { isLeftOut, ...(where ? { where } : {}), ...(reason ? { reason } : {}) };
}

/** What is said in place of the reasons that had no room; nothing if all are there. */
export const whysCut = ({ data }: Run): string =>
  data.whysLeft === 0
    ? ''
    : `The page does not say why ${count(data.whysLeft, 'further stage')} diverged or could not be compared: it had room for ${count(Object.keys(data.whys).length, 'reason')}.`;
