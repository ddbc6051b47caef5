export { stagesInWords } from './places-in-words.js';
export { type Told, told } from './told.js';
