import { Logger, run } from "graphile-worker";
import { peerArguments, servePeer } from "../peer.ts";
import { createPoster } from "../post.ts";
import type { NoticeJob, WorkerArguments, WorkerMethods } from "./job.ts";
import { graphileTask } from "./names.ts";

const { queue, sink, concurrency } = peerArguments<WorkerArguments>();
const poster = createPoster(sink, concurrency);

servePeer<WorkerMethods>({
  async start() {
    await run({
      preset: {
        worker: {
          connectionString: queue,
          concurrentJobs: concurrency,
          maxPoolSize: 25,
          // The settings of its own performance page: https://worker.graphile.org/docs/performance
          localQueue: { size: 500 },
          completeJobBatchDelay: 0,
          failJobBatchDelay: 0,
          logger: new Logger(() => () => {}),
        },
      },
      noHandleSignals: true,
      taskList: {
        [graphileTask]: (payload) => {
          const { path, event } = payload as NoticeJob;
          return poster.post(`/${path}`, JSON.stringify(event));
        },
      },
    });
  },
});
