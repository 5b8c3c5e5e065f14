/**
 * Loaded before a program (`node --import`), it sets the machine's time back and forth by a day at a time, twenty times a
 * second, as far as the program can tell. The monotonic clock and timers are left alone, as they are when it really happens.
 */
const DAY_MS = 24 * 60 * 60 * 1_000;
const now = Date.now.bind(Date);
let offset = 0;

const jumping = () => now() + offset;

globalThis.Date = class extends Date {
  constructor(...given: [] | [number | string | Date]) {
    super(given[0] ?? jumping());
  }

  static override now(): number {
    return jumping();
  }
} as DateConstructor;

let jumps = 0;
setInterval(() => {
  offset = (jumps++ % 5) * DAY_MS - 2 * DAY_MS;
}, 50).unref();
