import type { Delivery } from "../../../gen/jitsudo/notifications/v1/delivery_pb.js";

/** Why a delivery ended without an attempt; undefined where there is nothing to say. */
export function whyNoAttempts({
  state,
  lastError,
}: Pick<Delivery, "state" | "lastError">): string | undefined {
  switch (state) {
    case "deduplicated":
      return "None: another delivery had already sent the same notice.";
    case "cancelled":
      // Without an attempt it has no error but what somebody did to it.
      return `None: ${lastError || "the channel was disabled or deleted before"}.`;
    case "expired":
      return "None: the notice became useless while it waited.";
    default:
      return undefined;
  }
}
