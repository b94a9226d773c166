/**
 * The few things that the chart draws, in CSS pixels from the top left corner. What is drawn where is
 * decided in `draw-*.ts` against this alone, so tests record the calls and another back end can draw them.
 */
export interface Renderer {
  /** Starts a frame of this size on an empty canvas. */
  begin(width: number, height: number): void;
  rect(x: number, y: number, w: number, h: number, color: string): void;
  /** A bar with soft corners, and where `edge` is given an outline. */
  bar(x: number, y: number, w: number, h: number, fill: string | null, edge?: Edge): void;
  /** Diagonal lines over a rectangle. */
  hatch(x: number, y: number, w: number, h: number, color: string): void;
  diamond(x: number, y: number, radius: number, fill: string, edge: string): void;
  cross(x: number, y: number, radius: number, color: string): void;
  triangle(x: number, y: number, radius: number, color: string): void;
  line(x0: number, y0: number, x1: number, y1: number, color: string, dash?: readonly number[]): void;
  /** Text whose middle is at height `y`. */
  text(text: string, x: number, y: number, color: string, align?: 'left' | 'right' | 'center'): void;
  /** How wide `text` would be. */
  measure(text: string): number;
  /** Draws what `inside` draws, cut off outside the rectangle. */
  clip(x: number, y: number, w: number, h: number, inside: () => void): void;
}

export interface Edge {
  readonly color: string;
  readonly dashed?: boolean;
}

const DASH = [3, 2];
const SOLID: number[] = [];
const HATCH_PX = 6;

/** Draws on a canvas, which it keeps as large as the view at the screen's own resolution. */
export class CanvasRenderer implements Renderer {
  private readonly context: CanvasRenderingContext2D;
  private readonly widths = new Map<string, number>();

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly font: string,
  ) {
    this.context = canvas.getContext('2d')!;
  }

  begin(width: number, height: number): void {
    const ratio = window.devicePixelRatio || 1;
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.canvas.width !== w || this.canvas.height !== h) {
      this.canvas.width = w;
      this.canvas.height = h;
    }
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.context.clearRect(0, 0, width, height);
    this.context.font = this.font;
    this.context.textBaseline = 'middle';
    this.context.direction = 'ltr';
    this.context.lineWidth = 1;
  }

  rect(x: number, y: number, w: number, h: number, color: string): void {
    this.context.fillStyle = color;
    this.context.fillRect(x, y, w, h);
  }

  bar(x: number, y: number, w: number, h: number, fill: string | null, edge?: Edge): void {
    const { context } = this;
    // An outline is drawn on the middle of the outermost pixel, so that it is one pixel and sharp.
    const inset = edge === undefined ? 0 : 0.5;
    const [width, height] = [Math.max(0, w - 2 * inset), h - 2 * inset];
    context.beginPath();
    context.roundRect(x + inset, y + inset, width, height, Math.min(2.5, width / 2));
    if (fill !== null) {
      context.fillStyle = fill;
      context.fill();
    }
    if (edge !== undefined) {
      context.strokeStyle = edge.color;
      context.setLineDash(edge.dashed === true ? DASH : SOLID);
      context.stroke();
    }
  }

  hatch(x: number, y: number, w: number, h: number, color: string): void {
    this.clip(x, y, w, h, () => {
      const { context } = this;
      context.strokeStyle = color;
      context.setLineDash(SOLID);
      context.lineWidth = 1.5;
      context.beginPath();
      // Tied to the canvas and not to the bar, so that stripes of neighbours line up.
      for (let at = Math.floor(x / HATCH_PX) * HATCH_PX - h; at < x + w; at += HATCH_PX) {
        context.moveTo(at, y + h);
        context.lineTo(at + h, y);
      }
      context.stroke();
    });
  }

  diamond(x: number, y: number, radius: number, fill: string, edge: string): void {
    this.polygon([x, y - radius, x + radius, y, x, y + radius, x - radius, y], fill);
    this.context.strokeStyle = edge;
    this.context.setLineDash(SOLID);
    this.context.stroke();
  }

  cross(x: number, y: number, radius: number, color: string): void {
    const { context } = this;
    context.save();
    context.strokeStyle = color;
    context.setLineDash(SOLID);
    context.lineWidth = 2;
    context.beginPath();
    context.moveTo(x - radius, y - radius);
    context.lineTo(x + radius, y + radius);
    context.moveTo(x + radius, y - radius);
    context.lineTo(x - radius, y + radius);
    context.stroke();
    context.restore();
  }

  triangle(x: number, y: number, radius: number, color: string): void {
    this.polygon([x - radius, y - radius, x + radius, y - radius, x, y + radius], color);
  }

  line(x0: number, y0: number, x1: number, y1: number, color: string, dash?: readonly number[]): void {
    const { context } = this;
    context.strokeStyle = color;
    context.setLineDash(dash === undefined ? SOLID : [...dash]);
    context.beginPath();
    context.moveTo(x0, y0);
    context.lineTo(x1, y1);
    context.stroke();
  }

  text(text: string, x: number, y: number, color: string, align: 'left' | 'right' | 'center' = 'left'): void {
    this.context.fillStyle = color;
    this.context.textAlign = align;
    this.context.fillText(text, x, y);
  }

  measure(text: string): number {
    // Digits are equally wide here, so all texts of one shape share an entry and the map stays small.
    const shape = text.replace(/\d/g, '0');
    let width = this.widths.get(shape);
    if (width === undefined) {
      width = this.context.measureText(shape).width;
      this.widths.set(shape, width);
    }
    return width;
  }

  clip(x: number, y: number, w: number, h: number, inside: () => void): void {
    this.context.save();
    this.context.beginPath();
    this.context.rect(x, y, w, h);
    this.context.clip();
    inside();
    this.context.restore();
  }

  private polygon(points: readonly number[], fill: string): void {
    const { context } = this;
    context.beginPath();
    context.moveTo(points[0], points[1]);
    for (let i = 2; i < points.length; i += 2) context.lineTo(points[i], points[i + 1]);
    context.closePath();
    context.fillStyle = fill;
    context.fill();
  }
}
