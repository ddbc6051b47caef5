import type { PageFault } from '../../src/data.js';
import { limitText, localText, ranges } from '../format.js';
import type { Run } from '../model.js';
import { Cause } from './cause.js';
import { Chip } from './chip.js';
import { Prose } from './prose.js';

interface FaultsProps {
  readonly run: Run;
  readonly onOpen: (at: number) => void;
}

/** Every stage that is wrong by itself; the same stage and bug in several layers stand together. */
export function Faults({ run, onOpen }: FaultsProps) {
  const { faults, inputs } = run.data;
  if (!faults) return null;
  const kind = ({ place, cause }: PageFault) =>
    `${run.data.places[place]?.stage} ${cause?.id ?? ''} ${cause?.confidence ?? ''}`;
  const groups = [...new Set(faults.map(kind))].map((one) => faults.filter((fault) => kind(fault) === one));
  return (
    <section class="card" aria-labelledby="faults">
      <h2 id="faults">
        {faults.length === 0
          ? 'No stage has a fault of its own'
          : `Faults: ${faults.length} ${faults.length === 1 ? 'stage is' : 'stages are'} wrong ${inputs}`}
      </h2>
      {faults.length === 0 && <p>Every stage computes what it should {inputs}.</p>}
      {groups.map((group) => (
        <Group key={kind(group[0] as PageFault)} run={run} group={group} onOpen={onOpen} />
      ))}
    </section>
  );
}

function Group({ run, group, onOpen }: { run: Run; group: readonly PageFault[]; onOpen: (at: number) => void }) {
  const [first] = group;
  if (!first) return null;
  const place = run.data.places[first.place];
  // The verdict above has told of that one, and what was tried.
  const isFirst = run.data.first !== null && run.faultOf.get(run.data.first.at) === first;
  const worst = group.reduce((a, b) => (b.local > a.local ? b : a));
  const steps = [...new Set(group.flatMap((fault) => fault.steps))];
  const delta =
    worst.reason ??
    `local delta ${group.length > 1 ? 'up to ' : ''}${localText(worst.local)}, limit ${limitText(worst.limit)}`;
  return (
    <article class="fault-group">
      <h3>
        <code>{place?.stage}</code>
        {place?.layer != null &&
          ` of ${group.length === 1 ? 'layer' : 'layers'} ${ranges(group.map(({ place }) => run.data.places[place]?.layer ?? 0))}`}
        {!(steps.length === 1 && steps[0] === 0) && ` at ${steps.length === 1 ? 'step' : 'steps'} ${ranges(steps)}`}
      </h3>
      <p>
        <Prose text={`${delta}${first.where ? `: ${first.where}` : ''}.`} />
      </p>
      {first.cause && <Cause cause={first.cause} isRepeated={isFirst} />}
      <p class="inputs">
        {group.map((fault) => {
          const at = run.byStep.get(`${fault.steps[0]}/${fault.place}`);
          const layer = run.data.places[fault.place]?.layer;
          return at === undefined ? null : (
            <Chip key={at} run={run} at={at} text={layer == null ? 'the stage' : `layer ${layer}`} onOpen={onOpen} />
          );
        })}
      </p>
    </article>
  );
}
