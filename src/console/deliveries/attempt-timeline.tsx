import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { Attempt, Delivery } from "../../../gen/jitsudo/notifications/v1/delivery_pb.js";
import { Badge } from "../ui/badge.tsx";
import { duration, exactTime, Time } from "../ui/time.tsx";
import { whyNoAttempts } from "./no-attempts.ts";
import { SentRequestFacts } from "./sent-request.tsx";

/** Every attempt in its order, and what comes next. */
export function AttemptTimeline({ delivery }: { delivery: Delivery }) {
  const { attempts, state } = delivery;
  const whyNone = attempts.length === 0 ? whyNoAttempts(delivery) : undefined;
  return (
    <ol className="timeline">
      {attempts.map((attempt) => (
        <AttemptItem
          key={attempt.number}
          attempt={attempt}
          // After the last attempt there is no other one, whatever it hoped for.
          outcome={state === "failed" && attempt === attempts.at(-1) ? "failed" : attempt.outcome}
        />
      ))}
      {state === "pending" && (
        <li className="next">
          <p>
            Attempt {attempts.length + 1} begins <Time at={delivery.nextAttemptAt} otherwise="soon" />, when
            it is its turn.
          </p>
        </li>
      )}
      {state === "delivering" && (
        <li className="next">
          <p role="status">An attempt is under way or begins soon.</p>
        </li>
      )}
      {whyNone && (
        <li className="next">
          <p>{whyNone}</p>
        </li>
      )}
    </ol>
  );
}

function AttemptItem({ attempt, outcome }: { attempt: Attempt; outcome: string }) {
  const { number, startedAt, durationMs, statusCode, response, error, request } = attempt;
  return (
    <li className={outcome}>
      <p className="attempt-head">
        <strong>Attempt {number}</strong>
        <Badge state={outcome} />
        {statusCode !== undefined && <span>Status {statusCode}</span>}
        <span className="muted">{duration(durationMs)}</span>
      </p>
      <p className="muted small">
        {startedAt && exactTime(timestampDate(startedAt), "local")} · <Time at={startedAt} />
      </p>
      {error !== "" && error !== `HTTP ${statusCode}` && <p className="error">{error}</p>}
      {response !== "" && (
        <>
          <p className="label">Response</p>
          <pre className="excerpt">{response}</pre>
        </>
      )}
      {request && <SentRequestFacts request={request} />}
    </li>
  );
}
