import { Field } from "../ui/field.tsx";
import type { Draft } from "./draft.ts";
import type { FieldErrors } from "./field-errors.ts";
import { HeaderInputs } from "./header-inputs.tsx";
import type { ConfigField } from "./kinds.ts";
import { SecretInput } from "./secret-input.tsx";

interface ConfigInputsProps {
  fields: ConfigField[];
  draft: Draft;
  change(draft: Draft): void;
  /** As it is stored: what to fall back to when a secret is not replaced after all. */
  stored: Draft;
  errors: FieldErrors;
}

/** The inputs of a channel's config, of whatever kind. */
export function ConfigInputs({ fields, draft, change, stored, errors }: ConfigInputsProps) {
  return fields.map((field) => {
    if (field.input === "headers") {
      return (
        <HeaderInputs
          key={field.name}
          hint={field.hint ?? ""}
          headers={draft.headers}
          error={errors.get(field.name)}
          change={(headers) => change({ ...draft, headers })}
        />
      );
    }
    const set = (text: string) => change({ ...draft, config: { ...draft.config, [field.name]: text } });
    return (
      <ConfigInput
        key={field.name}
        field={field}
        value={draft.config[field.name] ?? ""}
        stored={stored.config[field.name] ?? ""}
        error={errors.get(field.name)}
        set={set}
      />
    );
  });
}

interface ConfigInputProps {
  field: Exclude<ConfigField, { input: "headers" }>;
  value: string;
  stored: string;
  error: string | undefined;
  set(text: string): void;
}

function ConfigInput({ field, value, stored, error, set }: ConfigInputProps) {
  const { label, hint, optional } = field;
  return (
    <Field label={label} hint={hint} optional={optional} error={error}>
      {(control) => {
        switch (field.input) {
          case "choice":
            return (
              <select {...control} value={value} onChange={({ target }) => set(target.value)}>
                {field.choices.map((choice) => (
                  <option key={choice.value} value={choice.value}>
                    {choice.label}
                  </option>
                ))}
              </select>
            );
          case "lines":
          case "certificate":
            return (
              <textarea
                {...control}
                className={field.input === "certificate" ? "code" : undefined}
                rows={field.input === "certificate" ? 4 : 3}
                spellCheck={false}
                value={value}
                onChange={({ target }) => set(target.value)}
              />
            );
          case "secret":
            return (
              <SecretInput
                control={control}
                label={label}
                isPassword={field.name.endsWith("password")}
                placeholder={field.placeholder}
                value={value}
                stored={stored}
                set={set}
              />
            );
          default:
            return (
              <input
                {...control}
                type={field.input === "number" ? "number" : "text"}
                placeholder={"placeholder" in field ? field.placeholder : undefined}
                autoComplete="off"
                spellCheck={false}
                value={value}
                onChange={({ target }) => set(target.value)}
              />
            );
        }
      }}
    </Field>
  );
}
