import type { HeaderDraft } from "./draft.ts";

interface HeaderInputsProps {
  hint: string;
  headers: HeaderDraft[];
  error: string | undefined;
  change(headers: HeaderDraft[]): void;
}

/** Names and values, one pair a row. */
export function HeaderInputs({ hint, headers, error, change }: HeaderInputsProps) {
  const update = (id: number, next: Partial<HeaderDraft>) =>
    change(headers.map((row) => (row.id === id ? { ...row, ...next } : row)));
  const add = () =>
    change([...headers, { id: Math.max(0, ...headers.map(({ id }) => id)) + 1, name: "", value: "" }]);
  return (
    <fieldset className="field" aria-invalid={error ? true : undefined}>
      <legend>
        Headers <span className="optional">optional</span>
      </legend>
      {headers.map(({ id, name, value }, index) => (
        <div className="header-row" key={id}>
          <input
            aria-label={`Name of header ${index + 1}`}
            placeholder="Authorization"
            spellCheck={false}
            autoComplete="off"
            value={name}
            onChange={({ target }) => update(id, { name: target.value })}
          />
          <input
            aria-label={`Value of header ${index + 1}`}
            spellCheck={false}
            autoComplete="off"
            value={value}
            onChange={({ target }) => update(id, { value: target.value })}
          />
          <button
            type="button"
            className="button"
            aria-label={`Remove header ${index + 1}`}
            onClick={() => change(headers.filter((row) => row.id !== id))}
          >
            Remove
          </button>
        </div>
      ))}
      {error && <p className="error">{error}</p>}
      <button type="button" className="button" onClick={add}>
        Add a header
      </button>
      <p className="hint">{hint}</p>
    </fieldset>
  );
}
