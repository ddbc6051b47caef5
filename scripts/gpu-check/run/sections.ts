import { architectures } from './architectures.js';
import { operations } from './operations.js';
import { products } from './products.js';
import type { Section } from './section.js';
import { speed } from './speed.js';

/** In the order in which they run. */
export const SECTIONS: readonly Section[] = [operations, products, architectures, speed];
