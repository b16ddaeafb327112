import { noticeTypes } from "../channels/events.ts";

interface EventSelectProps {
  label: string;
  value: string;
  change(type: string): void;
}

/** Chooses one type of event. */
export function EventSelect({ label, value, change }: EventSelectProps) {
  return (
    <select aria-label={label} value={value} onChange={({ target }) => change(target.value)}>
      {noticeTypes.map((type) => (
        <option key={type}>{type}</option>
      ))}
    </select>
  );
}
