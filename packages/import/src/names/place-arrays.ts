import { placeKey } from '@llama-probe/dump/stage';
import type { ForeignArray, Source } from '../array.js';
import type { Mapped } from '../map/apply.js';
import { huggingFace, portOf } from './hugging-face.js';
import { byEvaluation } from './known.js';
import { gguf, llamaCpp, meta, splitLayer } from './other-presets.js';
import type { Meaning, ModelFacts, Placed, Preset } from './placed.js';
import { sglang } from './sglang.js';

/** The first that knows a name says what it is. */
const PRESETS: readonly Preset[] = [llamaCpp, sglang, huggingFace, gguf, meta];

export interface Placement {
  /** In evaluation order. */
  readonly placed: readonly Placed[];
  readonly tokens: readonly ForeignArray[];
  readonly notes: readonly string[];
}

/** Which stage each array is, by a mapping file, and else by its name. @param mapped what that file says */
export function placeArrays(
  { arrays: all, isUnnamed }: Pick<Source, 'arrays' | 'isUnnamed'>,
  facts: ModelFacts,
  mapped?: Mapped,
): Placement {
  const arrays = mapped?.rest ?? all;
  const taken = new Set(mapped?.placed.map(({ place }) => placeKey(place)));
  const used = new Map<string, number>();
  const best = new Map<string, Placed & { readonly rank: number }>();
  const tokens: ForeignArray[] = [...(mapped?.tokens ?? [])];
  const copies: string[] = [];
  const asides: string[] = [];
  const own: ForeignArray[] = [];
  for (const array of arrays) {
    const { meaning, title } = meaningOf(array.name, facts);
    if (!meaning) own.push(array);
    else if (meaning.kind === 'tokens') tokens.push(array);
    else if (meaning.kind === 'aside') asides.push(array.name);
    else {
      used.set(title, (used.get(title) ?? 0) + 1);
      const key = placeKey(meaning.place);
      if (taken.has(key)) {
        copies.push(array.name);
        continue;
      }
      const other = best.get(key);
      if (other) copies.push(other.rank <= meaning.rank ? array.name : other.array.name);
      if (!other || meaning.rank < other.rank) {
        best.set(key, { array, place: meaning.place, isKnown: true, rank: meaning.rank });
      }
    }
  }
  const strangers = own.filter(({ name }) => !TOKENS.test(name));
  const only = isUnnamed ? strangers.pop() : undefined;
  if (only) best.set('only', { array: only, place: { stage: 'result_output', layer: null }, isKnown: true, rank: 0 });
  tokens.push(...own.filter(({ name }) => TOKENS.test(name)));
  const placed = [...(mapped?.placed ?? []), ...best.values(), ...strangers.map(ownPlace)].map(
    ({ place, ...rest }) => ({
      ...rest,
      place: { ...place, layer: place.layer === null ? null : place.layer - facts.firstLayer },
    }),
  );
  return {
    placed: placed.sort((a, b) => byEvaluation(a.place, b.place)),
    tokens,
    notes: [
      ...(mapped?.notes ?? []),
      ...(used.size > 0 ? [`names: ${[...used].map(([title, count]) => `${title} (${count})`).join(', ')}`] : []),
      ...(only ? [`${only.name}, the only array, was taken for the logits`] : []),
      ...listed('left out, since another tensor is the same stage', copies),
      ...listed('left out, since they go into a module and are no stage', asides),
      ...listed(
        'without a stage, under a name of their own (probe diff with --suggest-map finds out which stages they are)',
        strangers.map(({ name }) => name),
      ),
    ],
  };
}

const TOKENS = /(^|[./])(input_ids|token_ids|tokens|ids)$/;

function meaningOf(name: string, facts: ModelFacts): { meaning: Meaning | undefined; title: string } {
  for (const preset of PRESETS) {
    const meaning = preset.read(name, facts);
    if (meaning) return { meaning, title: preset.title };
  }
  return { meaning: undefined, title: '' };
}

/** The place of what has no stage: under its own name, in the layer that this says. */
function ownPlace(array: ForeignArray): Placed {
  const { module, layer, part, path } = portOf(array.name);
  const name = layer === null ? path.replace(/^[A-Z]\w*\.(model\.)?/, '') : module;
  const own = [name, part].filter((said) => said !== '').join('.');
  if (layer !== null || path !== array.name)
    return { array, place: { stage: own || array.name, layer }, isKnown: false };
  const { base, layer: said } = splitLayer(array.name);
  return { array, place: { stage: base, layer: said }, isKnown: false };
}

const SHOWN = 12;

/** A note about some arrays, those of all layers in one. @example listed('left out', ['a.0.b', 'a.1.b']) → ['left out: 2 tensors (a.*.b)'] */
export function listed(what: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const groups = [...new Set(names.map((name) => name.replace(/(?<![A-Za-z_\d])\d+(?!\d)/, '*')))];
  const more = groups.length > SHOWN ? `, and ${groups.length - SHOWN} more` : '';
  return [`${what}: ${tensors(names.length)} (${groups.slice(0, SHOWN).join(', ')}${more})`];
}

export const tensors = (count: number): string => `${count} ${count === 1 ? 'tensor' : 'tensors'}`;
