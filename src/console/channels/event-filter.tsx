import type { NoticeType } from "../../events.ts";
import { eventMeanings, noticeTypes } from "./events.ts";

interface EventFilterProps {
  /** Undefined: all. */
  events: string[] | undefined;
  error: string | undefined;
  change(events: string[] | undefined): void;
}

/** Which events a channel wants. */
export function EventFilter({ events, error, change }: EventFilterProps) {
  const toggle = (type: NoticeType, checked: boolean) =>
    change(noticeTypes.filter((other) => (other === type ? checked : events?.includes(other))));
  return (
    <fieldset className="field" aria-invalid={error ? true : undefined}>
      <legend>Events</legend>
      <label className="check">
        <input type="radio" name="events" checked={events === undefined} onChange={() => change(undefined)} />
        All events
      </label>
      <label className="check">
        <input
          type="radio"
          name="events"
          checked={events !== undefined}
          onChange={() => change(events ?? [])}
        />
        Only these
      </label>
      {events !== undefined && (
        <div className="event-grid">
          {noticeTypes.map((type) => (
            <label className="check event" key={type}>
              <input
                type="checkbox"
                checked={events.includes(type)}
                onChange={({ target }) => toggle(type, target.checked)}
              />
              <span>
                <code>{type}</code>
                <span className="hint">{eventMeanings[type]}</span>
              </span>
            </label>
          ))}
        </div>
      )}
      {error && <p className="error">{error}</p>}
    </fieldset>
  );
}
