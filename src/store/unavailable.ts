/**
 * Whether an error of the database says that it cannot be reached or cannot work
 * right now, rather than that it was asked something wrong. The same statement may
 * succeed later; whether it was carried out this time is not known. Takes the
 * errors of `pg`, of its pool and of MikroORM, which keeps code and message of both.
 */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  if (networkCodes.has(code)) return true;
  if (sqlState.test(code)) return passingStates.some((prefix) => code.startsWith(prefix));
  return passingMessages.test(error.message) || isDatabaseUnavailable(error.cause);
}

const networkCodes = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
]);

const sqlState = /^[0-9A-Z]{5}$/;

/** Classes and codes of https://www.postgresql.org/docs/current/errcodes-appendix.html. */
const passingStates = [
  "08", // connection exception
  "25006", // read-only transaction: after a failover this server is a standby
  "40", // transaction rollback: serialization failure, deadlock
  "53", // insufficient resources: connections, memory, disk
  "55P03", // lock not available
  "57", // operator intervention: shutdown, start-up, cancelled by a time-out
  "58", // system error
];

/** What `pg` and its pool say without a code. */
const passingMessages =
  /^(Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client (has encountered a connection error|was closed)|Cannot use a pool after calling end)/;
