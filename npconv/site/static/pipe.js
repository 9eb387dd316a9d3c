// Bytes from one worker to another, through memory that both share: a worker that waits for them sleeps.

const WAITING = 0; // the word that has the number of bytes to be read, -1 where the pipe is closed
const STATUS = 1; // the word that says why it is closed
const SIZE = 1 << 18;

export const CRASHED = -1; // other reasons for closing a pipe are exit statuses
export const STOPPED = -2;

export const newMemory = () => new SharedArrayBuffer(8 + SIZE);

export class Pipe {
  constructor(memory) {
    this.words = new Int32Array(memory, 0, 2);
    this.bytes = new Uint8Array(memory, 8);
  }

  // The bytes that are there, at most 2¹⁸; none where the pipe is closed, undefined after so many milliseconds.
  read(milliseconds = Infinity) {
    const { words } = this;
    while (Atomics.load(words, WAITING) === 0) {
      // a notice of what was read just before may wake it: it looks again
      if (Atomics.wait(words, WAITING, 0, milliseconds) === "timed-out") return undefined;
    }
    const found = this.bytes.slice(0, Math.max(0, Atomics.load(words, WAITING)));
    if (Atomics.compareExchange(words, WAITING, found.length, 0) > 0) Atomics.notify(words, WAITING);
    return found;
  }

  // Send all of them; false where the pipe is closed, or the reader has not made room after so many milliseconds.
  write(data, milliseconds = Infinity) {
    const { words } = this;
    for (let start = 0; start < data.length; start += SIZE) {
      for (let left; (left = Atomics.load(words, WAITING)) !== 0; ) {
        if (left < 0 || Atomics.wait(words, WAITING, left, milliseconds) === "timed-out") return false;
      }
      const part = data.subarray(start, start + SIZE);
      this.bytes.set(part);
      if (Atomics.compareExchange(words, WAITING, 0, part.length) !== 0) return false;
      Atomics.notify(words, WAITING);
    }
    return true;
  }

  // What waits is lost. The first reason is kept.
  close(status) {
    if (Atomics.load(this.words, WAITING) >= 0) Atomics.store(this.words, STATUS, status);
    Atomics.store(this.words, WAITING, -1);
    Atomics.notify(this.words, WAITING);
  }

  get status() {
    return Atomics.load(this.words, STATUS);
  }
}
