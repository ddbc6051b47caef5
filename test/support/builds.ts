import { openReference, otherBuild } from '@llama-probe/reference';
import { BUNDLED } from './models.js';

const reference = await openReference({ model: BUNDLED, mode: 'native' });
await reference.close();
const { cpuVariant, cpuVariants } = reference.info;

/** Whether `exact` can be compared with another of llama.cpp's CPU builds here; where not, its floor is not measured. */
export const hasOtherBuild = otherBuild(cpuVariant, cpuVariants) !== undefined;
if (!hasOtherBuild)
  console.warn(`${cpuVariant} is the only kind of CPU build here: the floors of exact are not measured`);
