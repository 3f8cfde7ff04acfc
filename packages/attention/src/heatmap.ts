import { grid, type Labels, type Weights } from './heatmap-grid.js';
import { drawHtml, drawSvg } from './heatmap-svg.js';
import { drawTerminal, type TerminalOptions } from './heatmap-terminal.js';

export { HeatmapError, type Labels, type Weights } from './heatmap-grid.js';
export type { TerminalOptions } from './heatmap-terminal.js';

/**
 * Draws attention weights: which input position (column) each output position (row) looked at.
 * The scale runs from 0 (or the smallest weight, where one is negative) to the largest weight, and stands below the map.
 *
 * Shape: weights [T, S], `rows` T labels, `columns` S labels.
 */
export const heatmap = {
  /** Text for a terminal: coloured cells, or shades where there are no colours; one line per row. */
  terminal(weights: Weights, { color, width, ...labels }: Labels & TerminalOptions): string {
    return drawTerminal(grid(weights, labels), { color, width });
  },

  /** One `<svg>` element that needs nothing else: light and dark, a tooltip per cell, a description for screen readers. */
  svg(weights: Weights, labels: Labels): string {
    return drawSvg(grid(weights, labels));
  },

  /** A page around the SVG. */
  html(weights: Weights, labels: Labels): string {
    return drawHtml(grid(weights, labels));
  },
};
