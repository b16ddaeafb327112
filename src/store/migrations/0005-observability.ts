/** The trace of an event, and the breakers that are open. */
export const observability = [
  // W3C traceparent, from the ingest call; null where there is no trace.
  `alter table event add column traceparent text`,
  // Serves counting the breakers that are open. Rows are written when health changes alone.
  `create index channel_health_open on channel_health (open_until) where open_until is not null`,
];
