/**
 * Calls back once all sockets were polled anew: what the network had to say by now has been heard. The first immediate ends
 * the turn that runs, the second one the turn whose poll came after it.
 */
export function afterPolling(callback: () => void): void {
  setImmediate(() => setImmediate(callback));
}

/** Calls back in the event loop's next round, after what has come in meanwhile was read. */
export function nextRound(callback: () => void): void {
  setImmediate(callback);
}
