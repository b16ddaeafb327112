import { PgBoss } from "pg-boss";
import { peerArguments, servePeer } from "../peer.ts";
import { createPoster } from "../post.ts";
import type { NoticeJob, WorkerArguments, WorkerMethods } from "./job.ts";
import { pgBossQueue } from "./names.ts";

const { queue, sink, concurrency } = peerArguments<WorkerArguments>();
const poster = createPoster(sink, concurrency);

servePeer<WorkerMethods>({
  async start() {
    const boss = new PgBoss({ connectionString: queue, max: 10, schedule: false, useListenNotify: true });
    boss.on("error", (error) => console.error(`pg-boss: ${error.message}`));
    await boss.start();
    await boss.createQueue(pgBossQueue, { notify: true, retryLimit: 2, retryBackoff: true });
    await boss.work<NoticeJob>(
      pgBossQueue,
      {
        batchSize: concurrency,
        // Several batches at the same time, so that the end of one does not leave connections idle.
        localConcurrency: 2,
        burstWhenBatchFull: true,
        pollingIntervalSeconds: 0.5,
      },
      async (jobs) => {
        await Promise.all(jobs.map(({ data }) => poster.post(`/${data.path}`, JSON.stringify(data.event))));
      },
    );
  },
});
