import { signal, type ReadonlySignal } from '@preact/signals';

let timer: ReturnType<typeof setInterval> | undefined;

/** Changes once a second while something on the page depends on it: what shows a growing time does. */
export const everySecond: ReadonlySignal<number> = signal(0, {
  watched() {
    timer = setInterval(() => this.value++, 1000);
  },
  unwatched() {
    clearInterval(timer);
  },
});
