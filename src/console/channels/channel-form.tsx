import type { FormEvent, ReactNode } from "react";
import type { Failure } from "../api/failure.ts";
import { Field } from "../ui/field.tsx";
import { FailureNote } from "../ui/notes.tsx";
import { useFocusOnWrong } from "../ui/use-focus-on-wrong.ts";
import { ConfigInputs } from "./config-inputs.tsx";
import { type Draft, emptyDraft } from "./draft.ts";
import { EventFilter } from "./event-filter.tsx";
import { fieldErrors } from "./field-errors.ts";
import { type KindName, kinds } from "./kinds.ts";

interface ChannelFormProps {
  kind: KindName;
  draft: Draft;
  change(draft: Draft): void;
  /** What the service holds; absent for a channel that is new. */
  stored?: Draft;
  failure: Failure | undefined;
  submit(): void;
  /** The buttons, and what comes before them. */
  children: ReactNode;
}

/** The form of a channel, new or not. What is wrong is said by the service, at the field. */
export function ChannelForm({ kind, draft, change, stored, failure, submit, children }: ChannelFormProps) {
  const errors = fieldErrors(failure);
  const form = useFocusOnWrong(failure);
  const known = new Set(["name", "event_filters", ...kinds[kind].fields.map(({ name }) => name)]);
  const isAtFields = errors.size > 0 && [...errors.keys()].every((name) => known.has(name));

  function onSubmit(event: FormEvent) {
    event.preventDefault();
    submit();
  }

  return (
    <form ref={form} onSubmit={onSubmit} className="stack" noValidate>
      {failure && !isAtFields && <FailureNote failure={failure} />}
      {isAtFields && (
        <p className="note bad" role="alert">
          {errors.size === 1 ? "One field needs another value." : `${errors.size} fields need other values.`}
        </p>
      )}
      <Field label="Name" error={errors.get("name")}>
        {(control) => (
          <input
            {...control}
            autoComplete="off"
            value={draft.name}
            onChange={({ target }) => change({ ...draft, name: target.value })}
          />
        )}
      </Field>
      <ConfigInputs
        fields={kinds[kind].fields}
        draft={draft}
        change={change}
        stored={stored ?? emptyDraft()}
        errors={errors}
      />
      <EventFilter
        events={draft.events}
        error={errors.get("event_filters")}
        change={(events) => change({ ...draft, events })}
      />
      <label className="check">
        <input
          type="checkbox"
          checked={draft.ordered}
          onChange={({ target }) => change({ ...draft, ordered: target.checked })}
        />
        Keep notices about one request in order
      </label>
      {children}
    </form>
  );
}
