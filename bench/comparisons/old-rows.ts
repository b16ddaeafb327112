import type { Database } from "../../src/store/database.ts";
import { loadsOf, measureRepeatedly } from "../loads.ts";
import { missingPackages } from "../sides/installed.ts";
import { type RunningService, startServiceSide } from "../sides/service.ts";
import type { Comparer } from "./comparison.ts";
import { withDatabase } from "./with-database.ts";

const rowsAStatement = 20_000;

/** Whether the service becomes slower with the history that it keeps. */
export const oldRows: Comparer = {
  name: "old-rows",
  missing: () => missingPackages("postgresql", "redis-server"),
  async compare({ instruments, surroundings, options }) {
    const side = await startServiceSide(surroundings, ["all"]);
    try {
      const load = loadsOf(options).batch;
      const empty = await measureRepeatedly(instruments, side.stream, load, options.repeat);
      await makeOldRows(side, options.oldRows);
      const full = await measureRepeatedly(instruments, side.stream, load, options.repeat);
      return [
        {
          what: `delivered, gRPC streams, ${load.batch} a call`,
          unit: "notices/s",
          subject: {
            label: `beside ${options.oldRows.toLocaleString("en")} finished deliveries`,
            value: full.noticesPerSecond,
          },
          reference: { label: "in an empty database", value: empty.noticesPerSecond },
        },
      ];
    } finally {
      await side.close();
    }
  },
};

/** Writes events of the last 30 days, each with a delivery that took one attempt. */
async function makeOldRows({ databaseUrl, tenantId }: RunningService, count: number): Promise<void> {
  await withDatabase(databaseUrl, async (database) => {
    for (let first = 1; first <= count; first += rowsAStatement) {
      const last = Math.min(count, first + rowsAStatement - 1);
      await database.query(insertOld, [tenantId, first, last, count]);
    }
    await analyze(database);
  });
}

async function analyze(database: Database): Promise<void> {
  for (const table of ["event", "delivery", "attempt"]) {
    await database.query({ name: `analyze_${table}`, text: `analyze ${table}` });
  }
}

/** SQL of a UUIDv7 of the row's time, as the service makes them, so that indexes grow as they do in use. */
function uuidV7(kind: string): string {
  const random = `md5('${kind}' || n)`;
  return `(lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || left(${random}, 3)
        || '8' || substr(${random}, 4, 15))::uuid`;
}

const insertOld = {
  name: "insert_old",
  text: `
    with old as materialized (
      select n, now() - interval '30 days' * (1 - n::float8 / $4::int) - interval '1 minute' as at
      from generate_series($2::int, $3::int) as n
    ), named as materialized (
      select old.*, ${uuidV7("event")} as event_id, ${uuidV7("delivery")} as delivery_id from old
    ), events as (
      insert into event (id, tenant_id, type, payload, payload_hash, received_at)
      select event_id, $1::uuid, 'request.approved',
        json_build_object('type', 'request.approved', 'request_id', 'old-' || n, 'justification', repeat('why ', 50)),
        encode(sha256(n::text::bytea), 'hex'), at
      from named
    ), deliveries as (
      insert into delivery (id, tenant_id, event_id, channel_id, event_type, state, attempts, created_at, completed_at)
      select delivery_id, $1::uuid, event_id, (select id from channel order by id limit 1), 'request.approved',
        'delivered', 1, at, at
      from named
    )
    insert into attempt (delivery_id, number, tenant_id, started_at, duration_ms, outcome, status_code, response)
    select delivery_id, 1, $1::uuid, at, 1, 'delivered', 200, 'ok' from named`,
};
