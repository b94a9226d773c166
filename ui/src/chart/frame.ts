import type { Bars } from '../model/bars';
import type { TimeMode } from '../model/format';
import type { View } from '../model/scale';
import type { Palette } from './palette';

/** All that one frame shows. Lengths in CSS pixels, times in seconds from the origin. */
export interface Frame {
  readonly bars: Bars;
  /** The rows that are listed, of which those on the screen are drawn. */
  readonly rows: Int32Array;
  /** Whether a listed row hides its children. */
  readonly isShut: (row: number) => boolean;
  readonly width: number;
  readonly height: number;
  readonly scrollTop: number;
  readonly view: View;
  readonly now: number;
  readonly timeMode: TimeMode;
  readonly palette: Palette;
}
