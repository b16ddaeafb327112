import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import {
  type CreateReplayRequest,
  type Replay,
  ReplaySchema,
  type ReplayService,
} from "../../gen/jitsudo/notifications/v1/replay_pb.js";
import type { ReplayPlan, ReplayRefusal, ReplaySource, Replay as StoredReplay } from "../store/replays.ts";
import type { Store } from "../store/store.ts";
import { actorOf, storeOf } from "./caller.ts";
import { apiError, found, invalidField, notFound } from "./errors.ts";
import { momentOf } from "./moment.ts";
import { cutPage, pageRequest } from "./page.ts";

export function createReplayService(store: Store): ServiceImpl<typeof ReplayService> {
  const replaysOf = (context: HandlerContext) => storeOf(store, context).replays;

  return {
    async createReplay(request, context) {
      const replays = replaysOf(context);
      const source = sourceOf(request);
      const plan = await replays.plan(source);
      if (typeof plan === "string") throw refusal(plan, source);
      if (request.dryRun) return dryRun(source, plan);
      const replay = await replays.create(source, plan, actorOf(context));
      if (!replay) throw running(plan);
      return toMessage(replay);
    },

    async getReplay({ id }, context) {
      return toMessage(found(await replaysOf(context).get(id), "replay", id));
    },

    async listReplays(request, context) {
      const { size, after } = pageRequest(request);
      const replays = await replaysOf(context).list({ beforeId: after, limit: size + 1 });
      const { items, next } = cutPage(replays, size);
      return { replays: items.map(toMessage), nextPageToken: next };
    },

    async cancelReplay({ id }, context) {
      return toMessage(found(await replaysOf(context).cancel(id, actorOf(context)), "replay", id));
    },
  };
}

/** The rules in the proto have seen to it that all is there. */
function sourceOf({ deliveryId, channelId, select, since, until }: CreateReplayRequest): ReplaySource {
  if (deliveryId) return { kind: "delivery", deliveryId };
  const now = new Date();
  const end = until ? momentOf(until) : now;
  return {
    kind: select === "failed" ? "failed" : "missed",
    channelId,
    since: since ? momentOf(since) : now,
    // What fails or comes in later is not part of it: else it might never end.
    until: end < now ? end : now,
  };
}

function refusal(reason: ReplayRefusal, source: ReplaySource): Error {
  switch (reason) {
    case "no_channel":
      return source.kind === "delivery"
        ? invalidField("delivery_id", "its channel does not exist any more")
        : notFound("channel", source.channelId);
    case "no_delivery":
      return notFound("delivery", source.kind === "delivery" ? source.deliveryId : "");
    case "channel_disabled":
      return invalidField(
        source.kind === "delivery" ? "delivery_id" : "channel_id",
        "the channel is disabled: enable it first",
      );
    case "delivery_open":
      return invalidField("delivery_id", "must be a delivery that has ended");
  }
}

function running({ channelId }: ReplayPlan): Error {
  const message = `another replay of the same kind is running on channel ${channelId}: wait for it, or cancel it`;
  return apiError("already_exists", message);
}

function dryRun({ kind }: ReplaySource, { channelId, since, until, total }: ReplayPlan): Replay {
  return create(ReplaySchema, {
    kind,
    channelId,
    since: timestampFromDate(since),
    until: timestampFromDate(until),
    total,
  });
}

function toMessage(replay: StoredReplay): Replay {
  return create(ReplaySchema, {
    id: replay.id,
    kind: replay.kind,
    state: replay.state,
    channelId: replay.channelId,
    deliveryId: replay.deliveryId ?? "",
    since: timestampFromDate(replay.since),
    until: timestampFromDate(replay.until),
    total: replay.total,
    created: replay.created,
    states: replay.states,
    createdAt: timestampFromDate(replay.createdAt),
    ...(replay.completedAt && { completedAt: timestampFromDate(replay.completedAt) }),
  });
}
