import { type FormEvent, useRef } from "react";
import type { NotificationChannel } from "../../../gen/jitsudo/notifications/v1/channel_pb.js";
import { noticeTypes } from "../channels/events.ts";
import { Field } from "../ui/field.tsx";
import { type DeliveryFilter, filterNames, states } from "./filter.ts";

interface FilterFormProps {
  filter: DeliveryFilter;
  channels: NotificationChannel[];
  /** Takes what shall stand in the address. */
  apply(query: URLSearchParams): void;
}

/** Narrows the list. A choice takes effect at once, a text with Enter. */
export function FilterForm({ filter, channels, apply }: FilterFormProps) {
  const form = useRef<HTMLFormElement>(null);

  function submit(event?: FormEvent) {
    event?.preventDefault();
    const data = new FormData(form.current ?? undefined);
    const query = new URLSearchParams();
    for (const name of filterNames) {
      const text = String(data.get(name) ?? "").trim();
      if (text !== "") query.set(name, isTime(name) ? new Date(text).toISOString() : text);
    }
    apply(query);
  }

  const isFiltered = filterNames.some((name) => filter[name] !== "");
  const isKnown = channels.some(({ id }) => id === filter.channel);
  return (
    <details className="filter-box" open={isFiltered || !isNarrow()}>
      <summary>Filters</summary>
      <form ref={form} className="filters" onSubmit={submit} aria-label="Filters">
        <Field label="State">
          {({ id }) => (
            <select id={id} name="state" defaultValue={filter.state} onChange={() => submit()}>
              <option value="">Any</option>
              {states.map((state) => (
                <option key={state}>{state}</option>
              ))}
            </select>
          )}
        </Field>
        <Field label="Event type">
          {({ id }) => (
            <select id={id} name="type" defaultValue={filter.type} onChange={() => submit()}>
              <option value="">Any</option>
              {noticeTypes.map((type) => (
                <option key={type}>{type}</option>
              ))}
            </select>
          )}
        </Field>
        <Field label="Channel">
          {({ id }) => (
            <select
              // The choices come later than the rest of the form.
              key={channels.length}
              id={id}
              name="channel"
              defaultValue={filter.channel}
              onChange={() => submit()}
            >
              <option value="">Any</option>
              {filter.channel !== "" && !isKnown && <option value={filter.channel}>{filter.channel}</option>}
              {channels.map(({ id: channelId, name }) => (
                <option key={channelId} value={channelId}>
                  {name}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label="Request id">
          {({ id }) => <input id={id} name="request" defaultValue={filter.request} autoComplete="off" />}
        </Field>
        <Field label="Created since">
          {({ id }) => (
            <input
              id={id}
              name="since"
              type="datetime-local"
              defaultValue={localInput(filter.since)}
              onChange={onTime}
            />
          )}
        </Field>
        <Field label="and before">
          {({ id }) => (
            <input
              id={id}
              name="until"
              type="datetime-local"
              defaultValue={localInput(filter.until)}
              onChange={onTime}
            />
          )}
        </Field>
        <input type="hidden" name="event" value={filter.event} />
        <div className="filter-actions">
          <button type="submit" className="button">
            Apply
          </button>
          {isFiltered && (
            <button type="button" className="button quiet" onClick={() => apply(new URLSearchParams())}>
              Clear
            </button>
          )}
        </div>
      </form>
    </details>
  );

  function onTime({ target }: { target: HTMLInputElement }) {
    // Half a time is no value yet; an emptied one is.
    if (target.value === "" && target.validity.valid) submit();
  }
}

function isTime(name: string): boolean {
  return name === "since" || name === "until";
}

/** As `<input type="datetime-local">` takes a time. */
function localInput(text: string): string {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return "";
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** On a phone the filters would fill the screen. */
function isNarrow(): boolean {
  return window.matchMedia("(max-width: 720px)").matches;
}
