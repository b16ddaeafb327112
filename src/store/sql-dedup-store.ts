import { EventEmitter } from "node:events";
import type { StoredData } from "keyv";
import { createBatcher } from "../async/batcher.ts";
import { inBatches } from "../async/in-batches.ts";
import type { Database, Statement } from "./database.ts";

/** A reservation that waits for its round trip with others. */
export interface ReservationRequest {
  key: string;
  value: string;
  ttlMs: number;
  insteadOf: string | undefined;
}

/** Keys that one statement removes. */
const purgeBatch = 1_000;

/**
 * A Keyv store in the database, for installations without Redis: it survives a
 * restart, and all processes that share the database share it.
 */
export class SqlDedupStore extends EventEmitter {
  readonly opts = { dialect: "postgres" };
  namespace: string | undefined;
  readonly #database: Database;
  readonly #reservations;

  constructor(database: Database) {
    super();
    this.#database = database;
    this.#reservations = createBatcher<ReservationRequest, string | undefined>({
      run: (reservations) => this.#reserveAll(reservations),
      maxItems: 500,
    });
  }

  async get<Value>(key: string): Promise<StoredData<Value> | undefined> {
    const [row] = await this.#database.query<{ value: string }>(select, [this.#prefixed(key)]);
    return row?.value as StoredData<Value> | undefined;
  }

  async set(key: string, value: string, ttlMs?: number): Promise<void> {
    await this.#database.query(upsert, [this.#prefixed(key), value, ttlMs ?? null]);
  }

  async delete(key: string): Promise<boolean> {
    return (await this.#database.query(remove, [this.#prefixed(key)])).length > 0;
  }

  async clear(): Promise<void> {
    await this.#database.query(removeAll, [this.#prefixed("")]);
  }

  /**
   * Sets the key if it is free, or holds `value` already, or holds `insteadOf`.
   * Answers undefined when it did, else the value that the key holds.
   */
  reserve(key: string, value: string, ttlMs: number, insteadOf?: string): Promise<string | undefined> {
    return this.#reservations.add({ key: this.#prefixed(key), value, ttlMs, insteadOf });
  }

  /** Removes the keys whose time is over, in small batches; `signal` ends it between two. */
  async purge(signal: AbortSignal): Promise<void> {
    const remove = async (limit: number) => (await this.#database.query(removeExpired, [limit])).length;
    await inBatches(purgeBatch, remove, signal);
  }

  async #reserveAll(all: ReservationRequest[]): Promise<(string | undefined)[]> {
    // A statement may touch a key once; later reservations of it wait for the next round.
    const holders = new Map<ReservationRequest, string | undefined>();
    let left = all;
    while (left.length > 0) {
      const firsts = new Map(left.toReversed().map((reservation) => [reservation.key, reservation]));
      const round = [...firsts.values()];
      const rows = await this.#database.query<{ key: string; holder: string | null }>(reserve, [
        round.map(({ key }) => key),
        round.map(({ value }) => value),
        round.map(({ ttlMs }) => ttlMs),
        round.map(({ insteadOf }) => insteadOf ?? null),
      ]);
      const found = new Map(rows.map(({ key, holder }) => [key, holder]));
      for (const reservation of round) {
        // A key that is neither reserved nor held was removed in between: once more.
        const holder = found.get(reservation.key);
        if (holder !== undefined) holders.set(reservation, holder ?? undefined);
      }
      left = left.filter((reservation) => !holders.has(reservation));
    }
    return all.map((reservation) => holders.get(reservation));
  }

  #prefixed(key: string): string {
    return this.namespace ? `${this.namespace}::${key}` : key;
  }
}

const select = {
  name: "dedup_get",
  text: "select value from dedup_key where key = $1 and (expires_at is null or expires_at > now())",
};

const upsert = {
  name: "dedup_set",
  text: `insert into dedup_key (key, value, expires_at) values ($1, $2, now() + $3::int * interval '1 millisecond')
    on conflict (key) do update set value = excluded.value, expires_at = excluded.expires_at`,
};

const remove = { name: "dedup_delete", text: "delete from dedup_key where key = $1 returning key" };

const removeAll = { name: "dedup_clear", text: "delete from dedup_key where starts_with(key, $1)" };

const removeExpired = {
  name: "dedup_purge",
  text: `delete from dedup_key where key in (
    select key from dedup_key where expires_at <= now() limit $1 for update skip locked) returning key`,
};

/*
 * Answers a null holder for the keys that were taken, the holder for the others. By primary key.
 */
export const reserve: Statement = {
  name: "dedup_reserve",
  keepPlan: true,
  text: `
    with input as (
      select * from unnest($1::text[], $2::text[], $3::int[], $4::text[]) as t (key, value, ttl_ms, instead_of)
    ), taken as (
      insert into dedup_key as k (key, value, expires_at)
      select key, value, now() + ttl_ms * interval '1 millisecond' from input order by key
      on conflict (key) do update set value = excluded.value, expires_at = excluded.expires_at
        where k.expires_at <= now() or k.value = excluded.value
          or k.value = (select i.instead_of from input i where i.key = k.key)
      returning key
    )
    select key, null as holder from taken
    union all
    select k.key, k.value from input i
    cross join lateral (
      select * from dedup_key k where k.key = i.key and (k.expires_at is null or k.expires_at > now()) offset 0
    ) k
    where k.key not in (select key from taken)`,
};
