import { Worker } from "bullmq";
import { peerArguments, servePeer } from "../peer.ts";
import { createPoster } from "../post.ts";
import type { NoticeJob, WorkerArguments, WorkerMethods } from "./job.ts";
import { bullmqQueue } from "./names.ts";

const { queue, sink, concurrency } = peerArguments<WorkerArguments>();
const poster = createPoster(sink, concurrency);

servePeer<WorkerMethods>({
  async start() {
    const worker = new Worker<NoticeJob>(
      bullmqQueue,
      ({ data }) => poster.post(`/${data.path}`, JSON.stringify(data.event)),
      { connection: { url: queue, maxRetriesPerRequest: null }, concurrency },
    );
    worker.on("error", (error) => console.error(`BullMQ: ${error.message}`));
    await worker.waitUntilReady();
  },
});
