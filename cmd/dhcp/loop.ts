import { eventLoopDescriptor } from "../../src/linux/libc.ts";
import { PollEvent, poll } from "../../src/linux/poll.ts";

/**
 * The daemon waits for all its sockets at once, of which most are of kinds that Node.js' own event loop does not know, as
 * packet sockets in the containers' namespaces. Node.js' loop is one of the things that are waited for; its timers are not.
 */
export interface Loop {
  /**
   * Waits until one of the descriptors can be read, or its other end has gone.
   *
   * @param until milliseconds since 1970.
   * @returns false when that time came first.
   * @throws the reason of `signal` once it is aborted.
   */
  readable(fds: readonly number[], until: number, signal?: AbortSignal): Promise<boolean>;
  /** Waits for a time. @throws the reason of `signal` once it is aborted. */
  sleep(until: number, signal?: AbortSignal): Promise<void>;
  /** Serves those who wait, until `done` is aborted. */
  run(done: AbortSignal): Promise<void>;
}

interface Waiter {
  readonly fds: readonly number[];
  readonly until: number;
  readonly wake: (ready: boolean) => void;
}

/** The longest wait that poll(2) takes. */
const LONGEST_MS = 2 ** 31 - 1;

export function createLoop(): Loop {
  const waiters = new Set<Waiter>();

  function wait(fds: readonly number[], until: number, signal?: AbortSignal): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        waiters.delete(waiter);
        signal?.removeEventListener("abort", abort);
      };
      const abort = () => {
        leave();
        reject(signal?.reason);
      };
      const waiter: Waiter = {
        fds,
        until,
        wake(ready) {
          leave();
          resolve(ready);
        },
      };
      if (signal?.aborted) return reject(signal.reason);
      signal?.addEventListener("abort", abort);
      waiters.add(waiter);
    });
  }

  function wakeThose(which: (waiter: Waiter) => boolean, ready: boolean): void {
    for (const waiter of [...waiters]) if (which(waiter)) waiter.wake(ready);
  }

  return {
    readable: wait,
    async sleep(until, signal) {
      await wait([], until, signal);
    },
    async run(done) {
      const own = eventLoopDescriptor();
      for (;;) {
        // Signals, and what the wakened do next.
        await new Promise((resolve) => setImmediate(resolve));
        if (done.aborted) return;
        const next = Math.min(...Array.from(waiters, ({ until }) => until));
        const fds = [...waiters].flatMap((waiter) => waiter.fds);
        const ready = new Set(poll([own, ...fds], PollEvent.in, pause(next)));
        wakeThose(({ fds }) => fds.some((fd) => ready.has(fd)), true);
        const now = Date.now();
        wakeThose(({ until }) => until <= now, false);
      }
    },
  };
}

function pause(until: number): number {
  return until === Infinity ? -1 : Math.min(Math.max(0, Math.ceil(until - Date.now())), LONGEST_MS);
}
