import type { Database } from "./database.ts";

/**
 * Removes signing secrets that were rotated out and whose overlap has ended. Answers
 * how many. Senders do not use them any more by then; this takes them off the disk.
 */
export async function removeOldSigningSecrets(database: Database): Promise<number> {
  const removed = await database.query(remove);
  return removed.length;
}

/*
 * Reads the whole table, which has a row for each channel that was ever made; locks
 * the rows it changes. The version of the channel stays, as nothing else changes.
 */
const remove = {
  name: "remove_old_signing_secrets",
  text: `
    update channel set config = config - 'previous_signing_secret' - 'previous_signs_until'
    where config ? 'previous_signs_until' and (config->>'previous_signs_until')::timestamptz <= now()
    returning id`,
};
