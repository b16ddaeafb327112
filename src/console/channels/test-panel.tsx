import { useState } from "react";
import type {
  NotificationChannel,
  TestChannelResponse,
} from "../../../gen/jitsudo/notifications/v1/channel_pb.js";
import { useAction } from "../api/use-action.ts";
import { useConsole } from "../app/console-context.ts";
import { SentRequestFacts } from "../deliveries/sent-request.tsx";
import { Badge } from "../ui/badge.tsx";
import { EventSelect } from "../ui/event-select.tsx";
import { FailureNote } from "../ui/notes.tsx";
import { duration } from "../ui/time.tsx";

/** Sends a sample right now, also before the channel is enabled. */
export function TestPanel({ channel }: { channel: NotificationChannel }) {
  const { clients } = useConsole();
  const [eventType, setEventType] = useState("request.pending");
  const [result, setResult] = useState<TestChannelResponse>();
  const testing = useAction(() => clients.channels.testChannel({ id: channel.id, eventType }));
  async function test() {
    setResult(undefined);
    setResult(await testing.run(undefined));
  }
  return (
    <section className="card stack" aria-labelledby="test">
      <h2 id="test">Test</h2>
      <p className="muted">Sends a sample marked “[TEST]” with the saved settings.</p>
      <div>
        <div className="actions">
          <EventSelect label="Event of the test" value={eventType} change={setEventType} />
          <button type="button" className="button" disabled={testing.busy} onClick={() => void test()}>
            {testing.busy ? "Sending…" : "Send a test"}
          </button>
        </div>
        <div aria-live="polite">{result && <TestResult result={result} />}</div>
      </div>
      {testing.failure && <FailureNote failure={testing.failure} />}
    </section>
  );
}

function TestResult({ result }: { result: TestChannelResponse }) {
  const { outcome, statusCode, response, error, durationMs, request } = result;
  return (
    <div className="outcome">
      <p>
        <Badge state={outcome} /> {statusCode !== undefined && <span>Status {statusCode}</span>}{" "}
        <span className="muted">in {duration(durationMs)}</span>
      </p>
      {error !== "" && <p className="error">{error}</p>}
      {response !== "" && <pre className="excerpt">{response}</pre>}
      {request && <SentRequestFacts request={request} />}
    </div>
  );
}
