/**
 * Like `setTimeout`, but calls back after the next look at the sockets: when the process was
 * busy, the answer whose time is over may be there, unread.
 */
export function setPatientTimeout(onTimeout: () => void, ms: number): NodeJS.Timeout {
  return setTimeout(() => setImmediate(onTimeout), ms);
}
