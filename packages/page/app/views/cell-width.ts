/** Of a map, in pixels: few layers have room, many must fit. */
export const cellWidth = (layers: number): number => Math.round(Math.min(Math.max(230 / Math.max(layers, 1), 18), 44));
